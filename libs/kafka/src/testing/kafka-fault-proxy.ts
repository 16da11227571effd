import { type Server, type Socket, connect, createServer } from 'node:net';

/** `lose-answer`: the broker appends, its answer is dropped and the connection cut. `lose-request`: cut before the broker has seen all of it. */
export type ProduceFault = 'lose-answer' | 'lose-request';

const produceApiKey = 0;
const sizeBytes = 4;

/** A TCP proxy before a broker that spoils chosen Produce requests (Kafka protocol: size int32, API key int16, …). */
export class KafkaFaultProxy {
  readonly port: number;
  /** Where to connect to; set once the broker is up. */
  targetPort = 0;
  /** Asked for each Produce request. */
  faultOf: () => ProduceFault | undefined = () => undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async open(): Promise<KafkaFaultProxy> {
    const server = createServer((client) => proxy.#accept(client));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const proxy = new KafkaFaultProxy(server, typeof address === 'object' && address !== null ? address.port : 0);
    return proxy;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(client: Socket): void {
    const broker = connect(this.targetPort, '127.0.0.1');
    let fault: ProduceFault | undefined;
    const frames = new RequestFrames(() => {
      fault = this.faultOf() ?? fault;
    });
    for (const socket of [client, broker]) {
      this.#sockets.add(socket);
      socket.on('error', () => undefined).on('close', () => this.#sockets.delete(socket));
    }
    const cut = () => {
      client.destroy();
      broker.destroy();
    };
    client.on('data', (chunk) => {
      frames.push(chunk);
      if (fault === 'lose-request') cut();
      else broker.write(chunk);
    });
    broker.on('data', (chunk) => {
      if (fault === 'lose-answer') cut();
      else client.write(chunk);
    });
    client.on('close', cut);
    broker.on('close', cut);
  }
}

/** Finds the starts of requests in a stream of chunks. */
class RequestFrames {
  readonly #onProduce: () => void;
  #head = Buffer.alloc(0);
  #skip = 0;

  constructor(onProduce: () => void) {
    this.#onProduce = onProduce;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      const skipped = Math.min(this.#skip, chunk.length - at);
      this.#skip -= skipped;
      at += skipped;
      if (this.#skip > 0 || at === chunk.length) return;
      const wanted = sizeBytes + 2 - this.#head.length;
      this.#head = Buffer.concat([this.#head, chunk.subarray(at, at + wanted)]);
      at += Math.min(wanted, chunk.length - at);
      if (this.#head.length < sizeBytes + 2) return;
      if (this.#head.readInt16BE(sizeBytes) === produceApiKey) this.#onProduce();
      this.#skip = this.#head.readInt32BE(0) - 2;
      this.#head = Buffer.alloc(0);
    }
  }
}
