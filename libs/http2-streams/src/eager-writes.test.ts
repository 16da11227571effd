import { connect, performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { Duplex, PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { EagerWrites } from './eager-writes.ts';

const windowBytes = 32 << 20;
const unsentBytesMax = 80 << 20;
const bodyBytes = 12 << 20;
const streams = 8;
const sessionMemoryMegabytes = 512;
const open: (() => void)[] = [];
afterEach(() => {
  for (const close of open.splice(0)) close();
});

/** Two HTTP/2 sessions that send each other more, at once, than the sockets between them hold. */
async function bothWays(wrap: (socket: Socket) => Socket | EagerWrites): Promise<number> {
  const server = createServer((socket) => {
    const session = performServerHandshake(socket, {
      settings: { initialWindowSize: windowBytes },
      maxSessionMemory: sessionMemoryMegabytes,
    });
    session.setLocalWindowSize(windowBytes);
    session.on('error', () => undefined);
    session.on('stream', (stream: ServerHttp2Stream) => {
      stream.on('error', () => undefined);
      stream.respond({ ':status': 200 });
      stream.resume();
      stream.end(Buffer.alloc(bodyBytes));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const socket = connectTcp((server.address() as AddressInfo).port, '127.0.0.1');
  await new Promise((resolve) => socket.once('connect', resolve));
  const session = connect('http://x', {
    createConnection: () => wrap(socket),
    settings: { initialWindowSize: windowBytes },
    maxSessionMemory: sessionMemoryMegabytes,
  });
  session.on('error', () => undefined);
  session.once('connect', () => session.setLocalWindowSize(windowBytes));
  open.push(() => {
    session.destroy();
    socket.destroy();
    server.close();
  });
  let received = 0;
  await Promise.all(
    Array.from({ length: streams }, () => {
      const stream = session.request({ ':method': 'POST' }, { endStream: false });
      stream.end(Buffer.alloc(bodyBytes));
      return new Promise((resolve) => {
        stream.on('data', (chunk: Buffer) => (received += chunk.length));
        stream.once('close', resolve);
        stream.on('error', resolve);
      });
    }),
  );
  return received;
}

describe('writes that are done once they are buffered', () => {
  it('keep two HTTP/2 sessions from waiting for each other', async () => {
    expect(await bothWays((socket) => new EagerWrites(socket, unsentBytesMax))).toBe(streams * bodyBytes);
  }, 30_000);

  it('wait where more is buffered than may be', async () => {
    const waiting: (() => void)[] = [];
    const socket = new Duplex({
      writableHighWaterMark: 10,
      read: () => undefined,
      write: (_chunk, _encoding, done) => void waiting.push(done),
    });
    const eager = new EagerWrites(socket, 100);
    let written = 0;
    for (let count = 0; count < 20; count += 1) eager.write(Buffer.alloc(20), () => (written += 1));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(written).toBeGreaterThan(1);
    expect(written).toBeLessThan(20);
    const drain = setInterval(() => waiting.shift()?.(), 1);
    await expect.poll(() => written).toBe(20);
    clearInterval(drain);
  });

  it('end, break and close with their socket', async () => {
    const socket = new PassThrough();
    const eager = new EagerWrites(socket, 100);
    const seen: string[] = [];
    eager.on('error', (error) => seen.push(error.message)).on('close', () => seen.push('closed'));
    socket.destroy(new Error('broken'));
    await expect.poll(() => seen).toEqual(['broken', 'closed']);
    const other = new EagerWrites(new PassThrough(), 100);
    other.end('bye');
    let text = '';
    for await (const chunk of other) text += String(chunk);
    expect(text).toBe('bye');
  });
});
