import { randomUUID } from 'node:crypto';
import type { ClientDuplexStream, ServiceError } from '@grpc/grpc-js';
import { executor as wire } from '@sallyport/contracts';
import { type GrpcChannel, reasonOf } from '@sallyport/grpc';
import { namespaceTierChecks, sandboxChecks } from '@sallyport/sandbox';

type Request = NonNullable<wire.ConnectRequest['message']>;
type Response = NonNullable<wire.ConnectResponse['message']>;

type Case = Response['$case'];
type ValueOf<Name extends Case> = Extract<Response, { $case: Name }>['value'];

export interface ScriptedExecutorOptions {
  readonly key: string;
  readonly executorId?: string;
  readonly proves?: readonly string[];
  readonly insecure?: boolean;
  readonly driver?: string;
  readonly protocol?: number;
  readonly held?: readonly wire.Lease[];
  /** Renews what it holds; a test that lets leases run out turns it off. */
  readonly beats?: boolean;
  readonly slots?: number;
  /** Says nothing, not even who it is. */
  readonly isSilent?: boolean;
  readonly region?: string;
}

/** An executor whose every message a test decides. What it is offered it takes, unless `onOffer` is changed. */
export class ScriptedExecutor {
  readonly executorId: string;
  readonly received: Response[] = [];
  readonly held: wire.Lease[] = [];
  /** Why the stream ended. */
  readonly ended: Promise<string>;
  onOffer: (offer: wire.Offer) => void;
  onCall: (call: wire.Call) => void = () => undefined;
  onCancel: (cancel: wire.Cancel) => void = () => undefined;
  readonly stream: ClientDuplexStream<wire.ConnectRequest, wire.ConnectResponse>;
  readonly #client: wire.ExecutorServiceClient;
  #beating: NodeJS.Timeout | undefined;
  #wake: (() => void)[] = [];

  constructor(channel: GrpcChannel, options: ScriptedExecutorOptions) {
    this.executorId = options.executorId ?? randomUUID();
    this.#client = new wire.ExecutorServiceClient(channel.address, channel.credentials, channel.options);
    this.stream = this.#client.connect();
    this.onOffer = (offer) => this.take(offer);
    this.ended = new Promise((resolve) => {
      this.stream.on('error', (error: ServiceError) => resolve(reasonOf(error) ?? error.message));
      this.stream.on('end', () => resolve('end'));
    });
    void this.ended.then(() => clearInterval(this.#beating));
    this.stream.on('data', ({ message }: wire.ConnectResponse) => message !== undefined && this.#receive(message));
    if (options.isSilent === true) return;
    this.send({ $case: 'register', value: registration(this.executorId, options) });
    if (options.beats !== false)
      this.#beating = setInterval(() => this.send({ $case: 'heartbeat', value: { leases: this.held } }), 300);
    this.held.push(...(options.held ?? []));
    this.send({ $case: 'credits', value: { offers: options.slots ?? 8 } });
  }

  send(message: Request): void {
    if (this.stream.writable) this.stream.write({ message });
  }

  take(offer: wire.Offer): void {
    const { lease } = offer;
    if (lease === undefined) return;
    this.held.push(lease);
    this.send({ $case: 'accept', value: { lease } });
    this.send({ $case: 'sandboxReady', value: { lease, startMs: 5 } });
  }

  answer(call: wire.Call, answer: Partial<wire.Answer> = {}): void {
    this.send({ $case: 'answer', value: answerTo(call, answer) });
  }

  /** The `nth` message of the kind, from 1, waiting for it. */
  async next<Name extends Case>($case: Name, nth = 1): Promise<ValueOf<Name>> {
    for (const until = Date.now() + 10_000; Date.now() < until;) {
      const found = this.received.filter((message) => message.$case === $case)[nth - 1];
      if (found !== undefined) return found.value as ValueOf<Name>;
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
        setTimeout(resolve, 50);
      });
    }
    throw new Error(`no ${$case} came; there was ${this.received.map((each) => each.$case).join(', ')}`);
  }

  /** As a killed process does it. */
  close(): void {
    clearInterval(this.#beating);
    this.stream.cancel();
    this.#client.close();
  }

  #receive(message: Response): void {
    this.received.push(message);
    if (message.$case === 'offer') this.onOffer(message.value);
    if (message.$case === 'call') this.onCall(message.value);
    if (message.$case === 'cancel') this.onCancel(message.value);
    if (message.$case === 'release') {
      const at = this.held.findIndex(({ workId }) => workId === message.value.lease?.workId);
      if (at >= 0) this.held.splice(at, 1);
    }
    for (const wake of this.#wake.splice(0)) wake();
  }
}

export function answerTo(call: wire.Call, answer: Partial<wire.Answer> = {}): wire.Answer {
  const { lease, callId } = call;
  const done = { outcome: wire.CallOutcome.DONE, text: 'done', isError: false, code: '', durationMs: 1 };
  return { lease, callId, ...done, ...answer };
}

function registration(executorId: string, options: ScriptedExecutorOptions): wire.Register {
  const proves = options.proves ?? namespaceTierChecks;
  return {
    protocolMin: options.protocol ?? 1,
    protocolMax: options.protocol ?? 1,
    executorId,
    environmentKey: options.key,
    version: 'test/1',
    held: [...(options.held ?? [])],
    capabilities: {
      region: options.region ?? '',
      runtimes: ['host'],
      labels: {},
      driver: options.driver ?? 'namespace',
      checks: sandboxChecks.map((check) => ({ check, proved: proves.includes(check) })),
      insecureNoIsolation: options.insecure ?? false,
      slots: options.slots ?? 8,
      architecture: 'x86_64',
    },
  };
}
