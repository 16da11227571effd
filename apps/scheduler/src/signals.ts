import type { Logger, Telemetry } from '@sallyport/telemetry';
import type { ToolCall } from './application/tool-call.ts';
import type { Lease } from './ports/work-queue.ts';

/** What operations are told: counters, and a line for what a person has to know. Ids only, no payloads. */
export class SchedulerSignals {
  readonly #log: Logger;
  readonly #calls;
  readonly #leases;
  readonly #late;

  constructor(log: Logger, telemetry: Telemetry) {
    this.#log = log;
    const { meter } = telemetry;
    this.#calls = meter.createCounter('sallyport.sandbox.calls', {
      description: 'Calls of sessions’ tools that ended.',
    });
    this.#leases = meter.createCounter('sallyport.sandbox.leases', { description: 'Claims of sessions by executors.' });
    this.#late = meter.createCounter('sallyport.sandbox.late_answers', {
      description: 'Answers that came after the end of their call.',
    });
  }

  callEnded(call: ToolCall): void {
    void call.ended.then(({ phase, code }) => {
      this.#calls.add(1, { phase });
      const { callId, workspaceId, session } = call.record.subject;
      this.#log.debug({ callId, workspaceId, sessionId: session?.id, phase, code }, 'a call has ended');
    });
  }

  leased({ sessionId, workId, token, executorId }: Lease): void {
    this.#leases.add(1);
    this.#log.info({ sessionId, workId, token, executorId }, 'a session has got an executor');
  }

  lateAnswer(callId: string): void {
    this.#late.add(1, { known: true });
    this.#log.warn({ callId }, 'an answer came after the end of its call: it is noted and not applied');
  }

  unknownAnswer(callId: string): void {
    this.#late.add(1, { known: false });
    this.#log.warn({ callId }, 'an answer came for a call that nobody knows any more');
  }

  queueFailed(error: unknown): void {
    this.#log.warn({ err: error }, 'the work queue could not be changed, it is tried again');
  }
}
