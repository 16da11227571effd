import type { ServerDuplexStream, status } from '@grpc/grpc-js';
import { executor } from '@sallyport/contracts';
import { grpcFailure, GrpcServer, serviceName, type TlsFiles } from '@sallyport/grpc';

type Stream = ServerDuplexStream<executor.ConnectRequest, executor.ConnectResponse>;
type Request = NonNullable<executor.ConnectRequest['message']>;
type Response = NonNullable<executor.ConnectResponse['message']>;
type Case = Request['$case'];
type ValueOf<Name extends Case> = Extract<Request, { $case: Name }>['value'];

const waitMs = 15_000;

/** A scheduler that does as a test says: the executor's other end. */
export class FakeScheduler {
  /** Of all streams, in order. */
  readonly requests: Request[] = [];
  readonly streams: Stream[] = [];
  /** How it refuses the next registrations; what is not refused is registered. */
  refusals: { readonly code: status; readonly reason: string }[] = [];
  registered: Partial<executor.Registered> = {};
  acknowledgesHeartbeats = true;
  acknowledgesAnswers = true;
  /** Which held leases go on; all of them unless a test says otherwise. */
  keeps: (held: executor.Lease) => boolean = () => true;
  ended = 0;
  readonly #server: GrpcServer;

  constructor(address: string, tls: TlsFiles) {
    const implementation: executor.ExecutorServiceServer = { connect: (stream) => this.#connect(stream) };
    this.#server = new GrpcServer({ address, tls }, [
      {
        definition: executor.ExecutorServiceService,
        implementation,
        callers: { connect: [serviceName.executor] },
      },
    ]);
  }

  start(): Promise<number> {
    return this.#server.start();
  }

  stop(): Promise<void> {
    return this.#server.stop(0);
  }

  get stream(): Stream {
    const stream = this.streams.at(-1);
    if (stream === undefined) throw new Error('nobody is connected');
    return stream;
  }

  send(message: Response): void {
    this.stream.write({ message });
  }

  offer(workId: string, token: number, requirements: Partial<executor.SandboxRequirements> = {}, sessionId?: string) {
    const any = { tier: '', runtime: '', memoryMib: 0, pids: 0, cpuMillis: 0, workspaceMib: 0 };
    this.send({
      $case: 'offer',
      value: {
        lease: lease(workId, token),
        sessionId: idOf(sessionId ?? `sesn_${workId}`),
        requirements: { ...any, ...requirements },
      },
    });
  }

  /** Offers and waits for the sandbox. */
  async take(workId: string, token: number): Promise<void> {
    await this.next('credits');
    this.offer(workId, token);
    await this.next('sandboxReady', (value) => isLease(value.lease, workId, token));
  }

  call(workId: string, token: number, callId: string, tool: string, input: unknown = {}, deadlineMs = 10_000): void {
    const argumentsJson = Buffer.from(JSON.stringify(input));
    const value = {
      lease: lease(workId, token),
      callId: idOf(callId),
      tool,
      argumentsJson,
      deadlineMs,
      traceparent: '',
    };
    this.send({ $case: 'call', value });
  }

  cancel(workId: string, token: number, callId: string): void {
    this.send({ $case: 'cancel', value: { lease: lease(workId, token), callId: idOf(callId) } });
  }

  release(workId: string, token: number): void {
    this.send({ $case: 'release', value: { lease: lease(workId, token) } });
  }

  answers(callId: string): readonly executor.Answer[] {
    return this.all('answer').filter((answer) => answer.callId === idOf(callId));
  }

  all<Name extends Case>(name: Name): readonly ValueOf<Name>[] {
    return this.requests
      .filter((request): request is Extract<Request, { $case: Name }> => request.$case === name)
      .map(({ value }) => value as ValueOf<Name>);
  }

  /** The first message of that kind that fits, past or to come. */
  async next<Name extends Case>(
    name: Name,
    fits: (value: ValueOf<Name>) => boolean = () => true,
    count = 1,
  ): Promise<ValueOf<Name>> {
    const endsAtMs = Date.now() + waitMs;
    for (;;) {
      const found = this.all(name).filter((value) => fits(value))[count - 1];
      if (found !== undefined) return found;
      if (Date.now() > endsAtMs) {
        const seen = this.requests.map(({ $case }) => $case).join(' ');
        throw new Error(`no ${name}; seen: ${seen}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  answer(callId: string, count = 1): Promise<executor.Answer> {
    return this.next('answer', (value) => value.callId === idOf(callId), count);
  }

  /** Ends the stream with a status. */
  cut(code: status, reason: string): void {
    this.stream.emit('error', grpcFailure(code, reason, `the test ends this stream: ${reason}`));
  }

  #connect(stream: Stream): void {
    this.streams.push(stream);
    stream.on('error', () => undefined);
    stream.on('end', () => {
      this.ended += 1;
      stream.end();
    });
    stream.on('data', ({ message }: executor.ConnectRequest) => {
      if (message === undefined) return;
      this.requests.push(message);
      this.#react(stream, message);
    });
  }

  #react(stream: Stream, message: Request): void {
    if (message.$case === 'register') this.#register(stream, message.value);
    if (message.$case === 'heartbeat' && this.acknowledgesHeartbeats)
      stream.write({ message: { $case: 'heartbeatAcknowledged', value: { lost: [] } } });
    if (message.$case === 'answer' && this.acknowledgesAnswers)
      stream.write({ message: { $case: 'answerAcknowledged', value: { callId: message.value.callId } } });
  }

  #register(stream: Stream, { held }: executor.Register): void {
    const refusal = this.refusals.shift();
    if (refusal !== undefined) {
      stream.emit('error', grpcFailure(refusal.code, refusal.reason, 'refused by the test'));
      return;
    }
    const value: executor.Registered = {
      protocol: 1,
      heartbeatMs: 100,
      leaseMs: 2_000,
      environmentId: idOf('env_test'),
      kept: held.filter((each) => this.keeps(each)),
      callBytesMax: 1_000_000,
      ...this.registered,
    };
    stream.write({ message: { $case: 'registered', value } });
  }
}

/** A well-formed id for a short name: `work_a` becomes `work_azzz…`. */
export function idOf(name: string): string {
  const [prefix = '', body = ''] = name.split('_');
  const letters = body.replaceAll('o', '0').replaceAll(/[il]/g, '1').replaceAll('u', 'v');
  return `${prefix}_${letters.padEnd(26, 'z')}`;
}

export function lease(workId: string, token: number): executor.Lease {
  return { workId: idOf(`work_${workId}`), token: BigInt(token) };
}

export function isLease(value: executor.Lease | undefined, workId: string, token: number): boolean {
  return value?.workId === idOf(`work_${workId}`) && value.token === BigInt(token);
}
