import { connect, type Socket } from 'node:net';
import type { Destination } from './bench-messages.ts';

const openMsMax = 30_000;
const openAtOnce = 50;

/** Legacy event streams that nobody says anything on: what agents hold while they think. */
export class IdleStreams {
  readonly #sockets: readonly Socket[];
  #lost = 0;

  private constructor(sockets: readonly Socket[]) {
    this.#sockets = sockets;
    for (const socket of sockets) socket.once('close', () => (this.#lost += 1));
  }

  static async open(count: number, to: Destination): Promise<IdleStreams> {
    const sockets: Socket[] = [];
    while (sockets.length < count) {
      const batch = Math.min(openAtOnce, count - sockets.length);
      sockets.push(...(await Promise.all(Array.from({ length: batch }, () => openStream(to)))));
    }
    return new IdleStreams(sockets);
  }

  /** Streams that were ended by somebody else. */
  get lost(): number {
    return this.#lost;
  }

  close(): void {
    for (const socket of this.#sockets) socket.removeAllListeners('close').destroy();
  }
}

function openStream({ port, path, apiKey }: Destination): Promise<Socket> {
  const request = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    `Authorization: Bearer ${apiKey}`,
    'Accept: text/event-stream',
    'MCP-Protocol-Version: 2025-11-25',
    'Mcp-Session-Id: idle',
    '',
    '',
  ].join('\r\n');
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1' });
    const timer = setTimeout(() => socket.destroy(new Error('an idle stream was not opened in time')), openMsMax);
    socket.once('error', reject);
    socket.once('data', (head: Buffer) => {
      clearTimeout(timer);
      const status = head.toString('latin1', 0, 12);
      if (!status.endsWith(' 200')) return reject(new Error(`an idle stream was refused: ${head.toString('latin1')}`));
      socket.removeAllListeners('error').on('error', () => undefined);
      socket.resume();
      return resolve(socket);
    });
    socket.write(request);
  });
}
