import { execFileSync } from 'node:child_process';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

const outside = '10.231.7.1';
const inside = '10.231.7.2';

/**
 * A network namespace whose only way out is a cable to this process. Pulled, it loses packets as a broken network does: no reset, no error, nothing.
 * Root only.
 */
export class CutNetwork {
  readonly #name = `sallyport-${process.pid}`;
  readonly #cable = `sp${process.pid}`;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();

  /** Runs a program inside. */
  readonly command: readonly string[] = ['ip', 'netns', 'exec', this.#name];

  private constructor() {
    ip('netns', 'add', this.#name);
    ip('link', 'add', this.#cable, 'type', 'veth', 'peer', 'name', 'uplink', 'netns', this.#name);
    ip('addr', 'add', `${outside}/30`, 'dev', this.#cable);
    ip('link', 'set', this.#cable, 'up');
    ip('-n', this.#name, 'addr', 'add', `${inside}/30`, 'dev', 'uplink');
    ip('-n', this.#name, 'link', 'set', 'uplink', 'up');
    ip('-n', this.#name, 'link', 'set', 'lo', 'up');
  }

  static open(): CutNetwork {
    return new CutNetwork();
  }

  /** Makes what listens on loopback here reachable from inside. */
  async publish(port: number): Promise<{ readonly host: string; readonly port: number }> {
    const server = createServer((client) => {
      const target = connect(port, '127.0.0.1');
      for (const socket of [client, target]) {
        this.#sockets.add(socket);
        socket
          .on('error', () => undefined)
          .once('close', () => {
            this.#sockets.delete(socket);
            client.destroy();
            target.destroy();
          });
      }
      client.pipe(target).pipe(client);
    });
    this.#servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, outside, resolve));
    return { host: outside, port: (server.address() as AddressInfo).port };
  }

  cut(): void {
    ip('-n', this.#name, 'link', 'set', 'uplink', 'down');
  }

  mend(): void {
    ip('-n', this.#name, 'link', 'set', 'uplink', 'up');
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
    for (const server of this.#servers) server.close();
    ip('link', 'del', this.#cable);
    ip('netns', 'del', this.#name);
  }
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args);
}
