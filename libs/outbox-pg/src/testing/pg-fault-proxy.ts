import { mkdtempSync, rmSync } from 'node:fs';
import { type Server, type Socket, connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export type CommitFault =
  /** The server gets the statement and answers; the answer is dropped and the connection cut. */
  | { readonly kind: 'lose-answer' }
  /** The connection is cut at once; the server gets the statement `delayMs` later, as from a network that held it back. */
  | { readonly kind: 'late-statement'; readonly delayMs: number }
  /** The statement never arrives. */
  | { readonly kind: 'lose-statement' }
  /** The statement arrives, nothing comes back, and the connection stays open. */
  | { readonly kind: 'freeze' };

const commitMark = Buffer.from('sallyport-outbox-commit');

/** A unix socket before PostgreSQL's that spoils chosen commit statements of the outbox. */
export class PgFaultProxy {
  readonly url: string;
  /** Asked for each commit statement. */
  faultOf: () => CommitFault | undefined = () => undefined;
  readonly #server: Server;
  readonly #directory: string;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, directory: string, url: string) {
    this.#server = server;
    this.#directory = directory;
    this.url = url;
  }

  static async open(databaseUrl: string): Promise<PgFaultProxy> {
    const directory = mkdtempSync(join(tmpdir(), 'pg-fault-'));
    const url = new URL(databaseUrl);
    const target = join(url.searchParams.get('host') ?? '', `.s.PGSQL.${url.port || 5432}`);
    url.searchParams.set('host', directory);
    const server = createServer((client) => proxy.#accept(client, target));
    const proxy = new PgFaultProxy(server, directory, url.toString());
    await new Promise<void>((resolve) => server.listen(join(directory, `.s.PGSQL.${url.port || 5432}`), resolve));
    return proxy;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #accept(client: Socket, target: string): void {
    const server = connect(target);
    let fault: CommitFault | undefined;
    for (const socket of [client, server]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    }
    client.on('data', (chunk) => {
      // `bind` names the statement once it is prepared, `parse` before.
      if (chunk.includes(commitMark)) fault = this.faultOf();
      if (fault?.kind === 'lose-statement') return client.destroy();
      if (fault?.kind === 'late-statement') {
        client.destroy();
        setTimeout(() => server.write(chunk), fault.delayMs);
        return undefined;
      }
      return server.write(chunk);
    });
    server.on('data', (chunk) => {
      if (fault?.kind === 'freeze') return undefined;
      if (fault?.kind !== 'lose-answer') return client.write(chunk);
      client.destroy();
      return server.destroy();
    });
    server.on('close', () => client.destroy());
    client.on('close', () => {
      if (fault?.kind !== 'late-statement') server.destroy();
      else setTimeout(() => server.destroy(), fault.delayMs + 500);
    });
  }
}
