import { Agent, createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { forwardRequest, withoutHeaders } from './forward-request.ts';

const loopback = '127.0.0.1';
const notFound = 404;
const portPath = /^(\/\.well-known\/oauth-protected-resource)?\/(\d{1,5})(\/.*)?$/;

/**
 * The private server of a tunnel that stands for many: `/5001/mcp` is `/mcp` at port 5001 of this machine, under the Host that was asked
 * for there; the metadata of the resource, which is before a path, is before the port. The suite starts a server on a new port for every client scenario; with this, one connector reaches them all.
 */
export class PortSwitch {
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: false }); // a scenario waits until its server has no connection left

  #served = 0;

  private constructor() {
    this.#server = createServer((incoming, outgoing) => {
      const [, before = '', port, path] = portPath.exec(incoming.url ?? '') ?? [];
      if (port === undefined) return void outgoing.writeHead(notFound).end();
      this.#served += 1;
      const headers = withoutHeaders(incoming.rawHeaders, (name) => name === 'host');
      forwardRequest(incoming, outgoing, this.#agent, {
        port: Number(port),
        path: `${before}${path ?? (before === '' ? '/' : '')}`,
        headers: ['Host', `localhost:${port}`, ...headers],
      });
    });
  }

  static async start(): Promise<PortSwitch> {
    const portSwitch = new PortSwitch();
    await new Promise<void>((resolve, reject) => {
      portSwitch.#server.once('error', reject);
      portSwitch.#server.listen(0, loopback, resolve);
    });
    return portSwitch;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Requests that it has sent on. */
  get served(): number {
    return this.#served;
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
