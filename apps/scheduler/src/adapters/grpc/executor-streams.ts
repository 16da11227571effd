import type { executor as wire } from '@sallyport/contracts';
import type { PlacementRules } from '../../domain/environment.ts';
import { type CallMessage, ExecutorLink } from '../../ports/executor-link.ts';
import type { HeldLease } from '../../ports/work-queue.ts';
import type { ExecutorStream } from './executor-stream.ts';

type Message = NonNullable<wire.ConnectResponse['message']>;

/** The streams of the executors that are connected now. */
export class ExecutorStreams extends ExecutorLink {
  readonly #streams = new Map<string, ExecutorStream>();

  /** A second connection of the same executor takes the place of the first. */
  add(executorId: string, stream: ExecutorStream): void {
    this.#streams.get(executorId)?.refuse('replaced');
    this.#streams.set(executorId, stream);
  }

  /** False where another stream has taken its place. */
  remove(executorId: string, stream: ExecutorStream): boolean {
    return this.#streams.get(executorId) === stream && this.#streams.delete(executorId);
  }

  get all(): readonly ExecutorStream[] {
    return [...this.#streams.values()];
  }

  override offer(executorId: string, lease: HeldLease, sessionId: string, rules: PlacementRules): boolean {
    const { tier, runtime, memoryMib, pids, cpuMillis, workspaceMib } = rules;
    const requirements = { tier, runtime, memoryMib, pids, cpuMillis, workspaceMib };
    return this.#send(executorId, { $case: 'offer', value: { lease: toWire(lease), sessionId, requirements } });
  }

  override call(executorId: string, call: CallMessage): boolean {
    const { callId, tool, argumentsJson, deadlineMs, traceparent } = call;
    const value = { callId, tool, argumentsJson: Buffer.from(argumentsJson), deadlineMs, traceparent };
    return this.#send(executorId, { $case: 'call', value: { ...value, lease: toWire(call.lease) } });
  }

  override cancel(executorId: string, lease: HeldLease, callId: string): boolean {
    return this.#send(executorId, { $case: 'cancel', value: { lease: toWire(lease), callId } });
  }

  override release(executorId: string, lease: HeldLease): boolean {
    return this.#send(executorId, { $case: 'release', value: { lease: toWire(lease) } });
  }

  #send(executorId: string, message: Message): boolean {
    return this.#streams.get(executorId)?.send(message) ?? false;
  }
}

export function toWire({ workId, token }: HeldLease): wire.Lease {
  return { workId, token: BigInt(token) };
}
