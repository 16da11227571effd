import { Agent, createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { forwardRequest } from './forward-request.ts';

interface Aim {
  readonly port: number;
  readonly key: string;
}

const loopback = '127.0.0.1';
const unavailable = 503;

/**
 * Stands before the router on loopback and adds the API key, which the conformance suite has no option for. Nothing else is touched, Host
 * and Origin neither: the suite forges them and looks at the answer. The router must therefore know the shim's address as one of its own
 * (`ROUTER_OWN_HOSTS`), which is why the shim runs before the router does, and is aimed at it later.
 */
export class BearerShim {
  readonly #server: Server;
  readonly #agent = new Agent({ keepAlive: true });
  #aim: Aim | undefined;

  private constructor() {
    this.#server = createServer((incoming, outgoing) => {
      if (this.#aim === undefined) return void outgoing.writeHead(unavailable).end();
      const { port, key } = this.#aim;
      const headers = [...incoming.rawHeaders, 'Authorization', `Bearer ${key}`];
      forwardRequest(incoming, outgoing, this.#agent, { port, path: incoming.url ?? '/', headers });
    });
  }

  static async start(): Promise<BearerShim> {
    const shim = new BearerShim();
    await new Promise<void>((resolve, reject) => {
      shim.#server.once('error', reject);
      shim.#server.listen(0, loopback, resolve);
    });
    return shim;
  }

  /** As a client names it in Host. */
  get host(): string {
    return `${loopback}:${(this.#server.address() as AddressInfo).port}`;
  }

  aim(aim: Aim): void {
    this.#aim = aim;
  }

  async stop(): Promise<void> {
    this.#agent.destroy();
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      this.#server.closeAllConnections();
    });
  }
}
