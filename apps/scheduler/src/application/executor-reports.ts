import type { Outcome } from '@sallyport/audit-events';
import { endFromAnswer } from '../domain/answer-end.ts';
import type { LeaseEnd } from '../domain/work-item.ts';
import type { CallJournal } from '../ports/call-journal.ts';
import type { ClockAndIds } from '../ports/clock-and-ids.ts';
import type { HeldLease, WorkQueue } from '../ports/work-queue.ts';
import type { Answer } from './lane.ts';
import type { Lanes } from './lanes.ts';
import type { SandboxDemand } from './sandbox-demand.ts';

/** What is done about an answer. `foreign`: it is about a call that another executor was given. */
export type AnswerVerdict = 'acknowledge' | 'foreign';

export interface ReportSignals {
  lateAnswer(callId: string): void;
  unknownAnswer(callId: string): void;
}

/** What executors say about leases and calls, checked against the claim that it is about. What is fenced changes nothing. */
export class ExecutorReports {
  readonly #lanes: Lanes;
  readonly #queue: WorkQueue;
  readonly #demand: SandboxDemand;
  readonly #journal: CallJournal;
  readonly #clock: ClockAndIds;
  readonly #signals: ReportSignals;

  constructor(
    parts: {
      readonly lanes: Lanes;
      readonly queue: WorkQueue;
      readonly demand: SandboxDemand;
      readonly journal: CallJournal;
      readonly clock: ClockAndIds;
    },
    signals: ReportSignals,
  ) {
    this.#lanes = parts.lanes;
    this.#queue = parts.queue;
    this.#demand = parts.demand;
    this.#journal = parts.journal;
    this.#clock = parts.clock;
    this.#signals = signals;
  }

  /** The sandbox runs. It is used at once: that the row says so is for the next process, and for people. */
  async sandboxReady(executorId: string, held: HeldLease, startMs: number): Promise<void> {
    const lane = this.#laneOf(executorId, held);
    if (lane === undefined) return;
    lane.sandboxReady(held.token);
    await this.#queue.reportReady(held, startMs);
  }

  leaseLost(executorId: string, held: HeldLease, reason: LeaseEnd): void {
    const lane = this.#laneOf(executorId, held);
    if (lane?.lease !== undefined) this.#demand.end(lane, lane.lease, reason);
  }

  output(executorId: string, held: HeldLease, callId: string, data: Uint8Array): void {
    this.#laneOf(executorId, held)?.output(callId, data);
  }

  async answer(executorId: string, held: HeldLease, callId: string, answer: Answer): Promise<AnswerVerdict> {
    const lane = this.#lanes.laneOf(callId);
    if (lane !== undefined) {
      if (lane.lease?.executorId === executorId && (await lane.answer(held, callId, answer))) return 'acknowledge';
      const call = lane.calls.find(({ id }) => id === callId);
      if (call !== undefined && call.lease?.executorId !== executorId) return 'foreign';
      await call?.ended; // it is just being ended: what comes now is late, or the same again
    }
    return this.#lateAnswer(executorId, held, callId, answer);
  }

  async #lateAnswer(executorId: string, held: HeldLease, callId: string, answer: Answer): Promise<AnswerVerdict> {
    const ended = this.#lanes.endedCall(callId);
    if (ended === undefined) return this.#adopt(callId, executorId, answer);
    if (ended.executorId !== executorId || ended.token !== held.token) return 'foreign';
    if (ended.answered) return 'acknowledge';
    ended.answered = true;
    this.#signals.lateAnswer(callId);
    await this.#journal.late(ended.record, ended.nextSeq, this.#outcome(ended.record.startedAtMs, answer));
    ended.nextSeq += 1;
    return 'acknowledge';
  }

  /** An earlier process gave the call out and is gone. The agent has nothing of the answer any more, the ledger has how it ended. */
  async #adopt(callId: string, executorId: string, answer: Answer): Promise<AnswerVerdict> {
    const open = await this.#journal.findOpen(callId);
    if (open === undefined) {
      this.#signals.unknownAnswer(callId);
      return 'acknowledge';
    }
    if (open.call.subject.sandbox?.executor?.executorId !== executorId) return 'foreign';
    const { phase } = endFromAnswer(answer);
    await this.#journal.end(open.call, open.nextSeq, {
      phase,
      outcome: this.#outcome(open.call.startedAtMs, answer),
    });
    return 'acknowledge';
  }

  #outcome(startedAtMs: number, answer: Answer): Outcome {
    const { status, code, effect } = endFromAnswer(answer);
    const durationMs = Math.max(0, Math.round(this.#clock.nowMs() - startedAtMs));
    return { status, effect, durationMs, ...(code === '' ? {} : { code: code.slice(0, 64) }) };
  }

  #laneOf(executorId: string, held: HeldLease) {
    const lane = this.#lanes.withLease(held);
    return lane?.lease?.executorId === executorId ? lane : undefined;
  }
}
