import type { executor as wire } from '@sallyport/contracts';
import type { PlacementRules } from '../../domain/environment.ts';
import { type CallMessage, ExecutorLink } from '../../ports/executor-link.ts';
import type { HeldLease } from '../../ports/work-queue.ts';
import { viewOf } from './bytes-view.ts';
import { leaseMessage } from './lease-message.ts';

/** One executor's connection. */
export interface ExecutorConnection {
  send(message: Message): boolean;
  /** Ends it: the same executor has connected again. */
  replace(): void;
}

type Message = NonNullable<wire.ConnectResponse['message']>;

/** The streams of the executors that are connected now. */
export class ExecutorStreams extends ExecutorLink {
  readonly #streams = new Map<string, ExecutorConnection>();

  /** A second connection of the same executor takes the place of the first. */
  add(executorId: string, stream: ExecutorConnection): void {
    const before = this.#streams.get(executorId);
    this.#streams.set(executorId, stream);
    // Once the new one stands: what ends with the old one must not take it along.
    before?.replace();
  }

  /** False where another stream has taken its place. */
  remove(executorId: string, stream: ExecutorConnection): boolean {
    return this.#streams.get(executorId) === stream && this.#streams.delete(executorId);
  }

  override offer(executorId: string, lease: HeldLease, sessionId: string, rules: PlacementRules): boolean {
    const { tier, runtime, memoryMib, pids, cpuMillis, workspaceMib } = rules;
    const requirements = { tier, runtime, memoryMib, pids, cpuMillis, workspaceMib };
    return this.#send(executorId, { $case: 'offer', value: { lease: leaseMessage(lease), sessionId, requirements } });
  }

  override call(executorId: string, call: CallMessage): boolean {
    const { callId, tool, argumentsJson, deadlineMs, traceparent } = call;
    const value = { callId, tool, argumentsJson: viewOf(argumentsJson), deadlineMs, traceparent };
    return this.#send(executorId, { $case: 'call', value: { ...value, lease: leaseMessage(call.lease) } });
  }

  override cancel(executorId: string, lease: HeldLease, callId: string): boolean {
    return this.#send(executorId, { $case: 'cancel', value: { lease: leaseMessage(lease), callId } });
  }

  override drain(executorId: string): boolean {
    return this.#send(executorId, { $case: 'drain', value: {} });
  }

  override release(executorId: string, lease: HeldLease): boolean {
    return this.#send(executorId, { $case: 'release', value: { lease: leaseMessage(lease) } });
  }

  #send(executorId: string, message: Message): boolean {
    return this.#streams.get(executorId)?.send(message) ?? false;
  }
}
