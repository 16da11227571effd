import { type ServerDuplexStream, status } from '@grpc/grpc-js';
import type { executor as wire } from '@sallyport/contracts';
import { grpcFailure } from '@sallyport/grpc';
import { MessageBudget } from '../../domain/message-budget.ts';
import type { LeaseEnd } from '../../domain/work-item.ts';
import type { ConnectedExecutors } from '../../application/connected-executors.ts';
import type { ExecutorReports } from '../../application/executor-reports.ts';
import type { KeepLeases } from '../../application/keep-leases.ts';
import type { PlaceWork } from '../../application/place-work.ts';
import type { Registered, Registration, RegistrationRefusal } from '../../application/register-executor.ts';
import type { Result } from '@sallyport/result';
import type { HeldLease } from '../../ports/work-queue.ts';
import { readAnswer, readLease, readOutput, readReason, readRegistration } from './executor-messages.ts';
import type { ExecutorConnection } from './executor-streams.ts';
import { leaseMessage } from './lease-message.ts';

type Call = ServerDuplexStream<wire.ConnectRequest, wire.ConnectResponse>;
type Message = NonNullable<wire.ConnectRequest['message']>;

/** Why a stream was ended by us. */
export type StreamRefusal =
  | RegistrationRefusal
  | 'protocol_violation'
  | 'registration_late'
  | 'too_many_executors'
  | 'foreign_answer'
  | 'too_fast'
  | 'too_slow'
  | 'replaced'
  | 'environment_key_revoked'
  | 'shutting_down'
  | 'unavailable';

const refusals = {
  protocol_unsupported: [status.FAILED_PRECONDITION, 'this scheduler speaks protocol 1'],
  environment_key_unknown: [status.UNAUTHENTICATED, 'the environment key is unknown or was revoked: issue a new one'],
  environment_archived: [status.FAILED_PRECONDITION, 'the environment was archived'],
  capabilities_contradict: [
    status.FAILED_PRECONDITION,
    'the self-test does not prove the isolation that the driver stands for',
  ],
  isolation_insufficient: [status.FAILED_PRECONDITION, 'the environment asks for isolation, and none was proved'],
  control_unavailable: [status.UNAVAILABLE, 'the environment key cannot be checked now: try again'],
  protocol_violation: [status.INVALID_ARGUMENT, 'a message was not what the protocol allows here'],
  registration_late: [status.DEADLINE_EXCEEDED, 'no registration came within 10 s'],
  too_many_executors: [status.RESOURCE_EXHAUSTED, 'as many executors as this scheduler takes are connected'],
  foreign_answer: [status.INVALID_ARGUMENT, 'an answer was about a call of another executor'],
  too_fast: [status.RESOURCE_EXHAUSTED, 'more messages than the limit'],
  too_slow: [status.RESOURCE_EXHAUSTED, 'messages were not read'],
  replaced: [status.ABORTED, 'the same executor has connected again'],
  environment_key_revoked: [status.UNAUTHENTICATED, 'the environment key was revoked: issue a new one'],
  shutting_down: [status.UNAVAILABLE, 'the scheduler is stopping: connect again'],
  unavailable: [status.UNAVAILABLE, 'the scheduler cannot record this now: try again'],
} as const satisfies Record<StreamRefusal, readonly [status, string]>;

const registerMsMax = 10_000;
/** How long we may take to let somebody in. */
const registeringMsMax = 60_000;
/** Messages an executor may send at once, and how fast it may go on: output is the most of them. */
const burstMessagesMax = 4_000;
const messagesPerSecondMax = 2_000;
/** Each heartbeat is answered. Two HTTP/2 sessions that send each other more small messages than a socket holds wait for each other for ever. */
const burstHeartbeatsMax = 100;
const heartbeatsPerSecondMax = 20;
const unreadBytesMax = 8 * 1024 * 1024;
/** What a message counts besides a call's arguments. */
const messageBytes = 256;
const leaseEnds = new Set<LeaseEnd>(['sandbox_died', 'start_failed', 'executor_stopping']);

export interface StreamLimits {
  readonly leaseMs: number;
  readonly heartbeatMs: number;
  readonly callBytesMax: number;
  readonly creditsMax: number;
  readonly leasesMax: number;
}

/** What a stream needs from those that all streams share. */
export interface StreamHost {
  readonly reports: ExecutorReports;
  readonly executors: ConnectedExecutors;
  readonly leases: KeepLeases;
  readonly place: PlaceWork;
  readonly limits: StreamLimits;
  register(registration: Registration, stream: ExecutorStream): Promise<Result<Registered, RegistrationRefusal>>;
  welcomed(registered: Registered): void;
  left(stream: ExecutorStream, registered: Registered, reason: string): void;
  /** For what nobody waits for. */
  later(work: Promise<unknown>): void;
  failed(error: unknown): void;
}

/** One executor's connection: its messages in order, bounded in rate and shape, and what it is told. */
export class ExecutorStream implements ExecutorConnection {
  readonly #host: StreamHost;
  readonly #call: Call;
  #registerTimer: NodeJS.Timeout;
  #registered: Registered | undefined;
  #isRegistering = false;
  #over = false;
  readonly #messages = new MessageBudget(burstMessagesMax, messagesPerSecondMax, performance.now());
  readonly #heartbeats = new MessageBudget(burstHeartbeatsMax, heartbeatsPerSecondMax, performance.now());
  /** Of messages that the executor's window has not taken yet. */
  #unreadBytes = 0;

  constructor(host: StreamHost, call: Call) {
    this.#host = host;
    this.#call = call;
    this.#registerTimer = setTimeout(() => this.refuse('registration_late'), registerMsMax);
    call.on('data', ({ message }: wire.ConnectRequest) => this.#receive(message));
    call.on('end', () => this.#finish('connection_ended'));
    call.on('cancelled', () => this.#finish('connection_lost'));
    call.on('error', () => this.#finish('connection_lost'));
  }

  get registered(): Registered | undefined {
    return this.#registered;
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** False: nothing can be sent. An executor that does not read is cut off; its leases run out unless it comes back. */
  send(message: NonNullable<wire.ConnectResponse['message']>): boolean {
    if (this.#over) return false;
    if (this.#unreadBytes > unreadBytesMax) {
      this.refuse('too_slow');
      return false;
    }
    const bytes = messageBytes + (message.$case === 'call' ? message.value.argumentsJson.length : 0);
    this.#unreadBytes += bytes;
    this.#call.write({ message }, () => {
      this.#unreadBytes -= bytes;
    });
    return true;
  }

  replace(): void {
    this.refuse('replaced');
  }

  /** Ends the stream with a status that says why. */
  refuse(reason: StreamRefusal): void {
    if (this.#over) return;
    const [code, sentence] = refusals[reason];
    this.#finish(reason);
    this.#call.emit('error', grpcFailure(code, reason, sentence));
  }

  #receive(message: Message | undefined): void {
    if (this.#over) return;
    if (!this.#messages.take(performance.now())) return this.refuse('too_fast');
    if (message === undefined) return this.refuse('protocol_violation');
    if (this.#registered !== undefined) return this.#handle(message, this.#registered);
    if (message.$case !== 'register' || this.#isRegistering) return this.refuse('protocol_violation');
    const registration = readRegistration(message.value);
    if (registration === undefined) return this.refuse('protocol_violation');
    this.#isRegistering = true;
    clearTimeout(this.#registerTimer);
    this.#registerTimer = setTimeout(() => this.refuse('unavailable'), registeringMsMax);
    // What follows is not read before the answer is known.
    this.#call.pause();
    this.#host.register(registration, this).then(
      (registered) => {
        if (this.#over) return;
        if (!registered.ok) return this.refuse(registered.reason);
        this.#welcome(registered.value);
      },
      (error: unknown) => {
        this.#host.failed(error);
        this.refuse('unavailable');
      },
    );
  }

  #welcome(registered: Registered): void {
    clearTimeout(this.#registerTimer);
    this.#registered = registered;
    const { heartbeatMs, leaseMs, callBytesMax } = this.#host.limits;
    this.#call.write({
      message: {
        $case: 'registered',
        value: {
          protocol: 1,
          heartbeatMs,
          leaseMs,
          environmentId: registered.identity.environmentId,
          kept: registered.kept.map(leaseMessage),
          callBytesMax,
        },
      },
    });
    this.#host.welcomed(registered);
    this.#call.resume();
  }

  #handle(message: Message, { identity: { executorId } }: Registered): void {
    const { reports, executors, limits } = this.#host;
    switch (message.$case) {
      case 'register':
        return this.refuse('protocol_violation');
      case 'credits':
        executors.setCredits(executorId, Math.min(message.value.offers, limits.creditsMax));
        return this.#host.place.hint();
      case 'accept':
        return readLease(message.value.lease) === undefined ? this.refuse('protocol_violation') : undefined;
      case 'decline':
        executors.setCredits(executorId, 0);
        return this.#withLease(message.value.lease, (lease) => reports.leaseLost(executorId, lease, 'declined'));
      case 'sandboxReady':
        return this.#withLease(message.value.lease, (lease) =>
          this.#host.later(reports.sandboxReady(executorId, lease, message.value.startMs)),
        );
      case 'sandboxLost': {
        const reason = readReason(message.value.reason) as LeaseEnd | undefined;
        if (reason === undefined) return this.refuse('protocol_violation');
        return this.#withLease(message.value.lease, (lease) =>
          reports.leaseLost(executorId, lease, leaseEnds.has(reason) ? reason : 'sandbox_died'),
        );
      }
      case 'output': {
        const output = readOutput(message.value);
        if (output === undefined) return this.refuse('protocol_violation');
        return reports.output(executorId, output.lease, output.callId, output.data);
      }
      case 'answer':
        return this.#answer(message.value, executorId);
      case 'heartbeat':
        return this.#heartbeat(message.value, executorId);
      case 'draining':
        return executors.drain(executorId);
    }
  }

  #answer(message: wire.Answer, executorId: string): void {
    const { reports, limits } = this.#host;
    const read = readAnswer(message, limits.callBytesMax);
    if (read === undefined) return this.refuse('protocol_violation');
    const { lease, callId, answer } = read;
    const done = reports.answer(executorId, lease, callId, answer).then((verdict) => {
      if (verdict === 'foreign') this.refuse('foreign_answer');
      else this.send({ $case: 'answerAcknowledged', value: { callId } });
    });
    this.#host.later(done);
  }

  #heartbeat({ leases }: wire.Heartbeat, executorId: string): void {
    if (!this.#heartbeats.take(performance.now())) return this.refuse('too_fast');
    const held = leases.map(readLease).filter((lease) => lease !== undefined);
    if (held.length !== leases.length || held.length > this.#host.limits.leasesMax)
      return this.refuse('protocol_violation');
    const renewed = this.#host.leases.renew(executorId, held).then((lost) => {
      this.send({ $case: 'heartbeatAcknowledged', value: { lost: lost.map(leaseMessage) } });
    });
    this.#host.later(renewed);
  }

  #withLease(lease: wire.Lease | undefined, use: (lease: HeldLease) => void): void {
    const held = readLease(lease);
    if (held === undefined) this.refuse('protocol_violation');
    else use(held);
  }

  #finish(reason: string): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#registerTimer);
    if (this.#registered !== undefined) this.#host.left(this, this.#registered, reason);
    if (reason === 'connection_ended') this.#call.end();
  }
}
