import { connect } from 'node:net';

const answerMsMax = 10_000;

/** Sends bytes as they are and resolves with what comes back until the peer closes, or stays silent for half a second after the first byte. */
export function rawRequest(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const done = () => {
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(done, answerMsMax);
    let quiet: NodeJS.Timeout | undefined;
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('latin1');
      clearTimeout(quiet);
      quiet = setTimeout(done, 500);
    });
    socket.on('error', done);
    socket.on('close', () => {
      clearTimeout(timer);
      clearTimeout(quiet);
      done();
    });
  });
}
