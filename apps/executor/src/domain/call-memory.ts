import type { CallAnswer } from './protocol-messages.ts';

/** Answers that may wait for their acknowledgement; then calls are refused. */
export const unacknowledgedAnswersMax = 256;
/** Their text in UTF-16 units. The calls that run then may still end, so it is exceeded by at most one answer for each lease. */
export const unacknowledgedCharactersMax = 32 * 1024 * 1024;
/** Acknowledged answers of a lease that can be said again. */
export const acknowledgedAnswersPerLeaseMax = 64;
export const acknowledgedCharactersPerLeaseMax = 2 * 1024 * 1024;
/** Calls of which only the id is kept, so that they are not run again. */
export const forgottenCallsMax = 8_192;

export type Recollection = { readonly type: 'answer'; readonly answer: CallAnswer } | { readonly type: 'forgotten' };

/** The calls that have ended: their answers until they are acknowledged and a little longer, their ids for much longer. */
export class CallMemory {
  readonly #unacknowledged = new Map<string, CallAnswer>();
  readonly #acknowledged = new Map<string, Map<string, CallAnswer>>();
  readonly #workIds = new Map<string, string>();
  readonly #forgotten = new Set<string>();
  #unacknowledgedCharacters = 0;

  /** Whether the answer of one more call could be kept. */
  get hasRoom(): boolean {
    return (
      this.#unacknowledged.size < unacknowledgedAnswersMax &&
      this.#unacknowledgedCharacters < unacknowledgedCharactersMax
    );
  }

  /** Oldest first. */
  unacknowledged(): readonly CallAnswer[] {
    return [...this.#unacknowledged.values()];
  }

  recall(callId: string): Recollection | undefined {
    const workId = this.#workIds.get(callId);
    const acknowledged = workId === undefined ? undefined : this.#acknowledged.get(workId);
    const answer = this.#unacknowledged.get(callId) ?? acknowledged?.get(callId);
    if (answer !== undefined) return { type: 'answer', answer };
    return this.#forgotten.has(callId) ? { type: 'forgotten' } : undefined;
  }

  keep(answer: CallAnswer): void {
    this.drop(answer.callId);
    this.#unacknowledged.set(answer.callId, answer);
    this.#unacknowledgedCharacters += answer.text.length;
  }

  /** Forgets a refusal: its call was not run and may be. */
  drop(callId: string): void {
    const answer = this.#unacknowledged.get(callId);
    if (answer !== undefined) {
      this.#unacknowledged.delete(callId);
      this.#unacknowledgedCharacters -= answer.text.length;
    }
    const workId = this.#workIds.get(callId);
    if (workId === undefined) return;
    this.#workIds.delete(callId);
    this.#acknowledged.get(workId)?.delete(callId);
  }

  acknowledge(callId: string, isHeld: (workId: string) => boolean): void {
    const answer = this.#unacknowledged.get(callId);
    if (answer === undefined) return;
    this.drop(callId);
    const { workId } = answer.lease;
    if (!isHeld(workId)) {
      this.#forget(callId);
      return;
    }
    const answers = this.#acknowledged.get(workId) ?? new Map<string, CallAnswer>();
    answers.set(callId, answer);
    this.#acknowledged.set(workId, answers);
    this.#workIds.set(callId, workId);
    this.#trim(answers);
  }

  /** The answers of leases that are over are not wanted, whatever became of them. */
  giveUp(isHeld: (workId: string) => boolean): void {
    for (const { callId, lease } of this.unacknowledged()) {
      if (isHeld(lease.workId)) continue;
      this.drop(callId);
      this.#forget(callId);
    }
  }

  /** The lease is over: what is acknowledged is not asked for again. */
  leaseOver(workId: string): void {
    for (const callId of this.#acknowledged.get(workId)?.keys() ?? []) this.#forget(callId);
    this.#acknowledged.delete(workId);
  }

  #trim(answers: Map<string, CallAnswer>): void {
    let characters = 0;
    for (const { text } of answers.values()) characters += text.length;
    for (const [callId, { text }] of answers) {
      if (answers.size <= acknowledgedAnswersPerLeaseMax && characters <= acknowledgedCharactersPerLeaseMax) return;
      answers.delete(callId);
      characters -= text.length;
      this.#forget(callId);
    }
  }

  #forget(callId: string): void {
    this.#workIds.delete(callId);
    this.#forgotten.add(callId);
    if (this.#forgotten.size <= forgottenCallsMax) return;
    const [oldest] = this.#forgotten;
    if (oldest !== undefined) this.#forgotten.delete(oldest);
  }
}
