import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const answer = '{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"done"}]}}';

/** A private server whose only effect is a count: how often each trace has reached it. */
export class CountingUpstream {
  readonly effects = new Map<string, number>();
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => {
      const traceId = String(request.headers['traceparent'] ?? '').split('-')[1] ?? '';
      request.resume();
      request.once('end', () => {
        this.effects.set(traceId, (this.effects.get(traceId) ?? 0) + 1);
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length });
        response.end(answer);
      });
    });
  }

  static async start(): Promise<CountingUpstream> {
    const upstream = new CountingUpstream();
    await new Promise<void>((resolve) => upstream.#server.listen(0, '127.0.0.1', resolve));
    return upstream;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
