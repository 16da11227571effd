import type { CallSandbox, Decision, Outcome } from '@sallyport/audit-events';
import { endMessage } from './end-messages.ts';
import type { CallEndEvent, CallJournal, JournalledCall } from '../ports/call-journal.ts';
import type { ClockAndIds } from '../ports/clock-and-ids.ts';
import type { Lease } from '../ports/work-queue.ts';

/** What the agent is told of the end. */
export interface CallEnd {
  readonly phase: 'completed' | 'failed' | 'timed_out' | 'cancelled' | 'orphaned' | 'unrecorded';
  /** The tool's result; empty where there is none. */
  readonly text: string;
  readonly isError: boolean;
  /** A stable code where the call did not complete. */
  readonly code: string;
  /** A sentence for the agent where there is no result. */
  readonly message: string;
}

export interface ToolCallRequest {
  readonly callId: string;
  readonly tool: string;
  readonly argumentsJson: Uint8Array;
  /** From the dispatch to the answer. */
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly onOutput: (data: Uint8Array) => void;
}

export interface ToolCallDependencies {
  readonly journal: CallJournal;
  readonly clock: ClockAndIds;
  readonly commitResult: (callId: string, text: string) => { readonly commitment: string; readonly bytes: number };
}

type Given = { readonly lease: Lease; readonly executor: NonNullable<CallSandbox['executor']> };
type Ending = Pick<Outcome, 'status' | 'effect'> & { readonly code?: string; readonly cancelForwarded?: boolean };

/** One call from its request to its one terminal event, each step durable before the next. */
export class ToolCall {
  readonly request: ToolCallRequest;
  readonly ended: Promise<CallEnd>;
  /** It ends with what its executor answered. */
  wasAnswered = false;
  readonly #dependencies: ToolCallDependencies;
  readonly #decision: Decision;
  readonly #settle: (end: CallEnd) => void;
  #record: JournalledCall;
  #nextSeq = 1;
  #given: Given | undefined;
  #isEnding = false;
  /** The last of begin and dispatch: an end is numbered after it. */
  #recording: Promise<boolean> | undefined;

  constructor(
    request: ToolCallRequest,
    record: JournalledCall,
    decision: Decision,
    dependencies: ToolCallDependencies,
  ) {
    const { promise, resolve } = Promise.withResolvers<CallEnd>();
    this.request = request;
    this.ended = promise;
    this.#settle = resolve;
    this.#record = record;
    this.#decision = decision;
    this.#dependencies = dependencies;
  }

  get id(): string {
    return this.request.callId;
  }

  get record(): JournalledCall {
    return this.#record;
  }

  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** The claim that it was dispatched to. */
  get lease(): Lease | undefined {
    return this.#given?.lease;
  }

  /** An end is written, or being written. */
  get isEnding(): boolean {
    return this.#isEnding;
  }

  /** Records the request, and the dispatch with it where the call goes out at once. False: not recorded, nothing may be sent. */
  begin(given?: Given): Promise<boolean> {
    if (this.#recording !== undefined) return this.#recording;
    if (given !== undefined) this.#give(given);
    const dispatch = given === undefined ? undefined : { deadlineMs: this.request.deadlineMs };
    const { journal } = this.#dependencies;
    return this.#write(journal.begin(this.#record, this.#decision, dispatch), given === undefined ? 3 : 4);
  }

  /** Whether `begin` was called. */
  get hasBegun(): boolean {
    return this.#recording !== undefined;
  }

  dispatch(given: Given): Promise<boolean> {
    this.#give(given);
    const { journal } = this.#dependencies;
    return this.#write(journal.dispatch(this.#record, { deadlineMs: this.request.deadlineMs }), 4);
  }

  /** Writes how the call ended, then lets the agent know. Only the first end counts. Never rejects. */
  async end(
    phase: Exclude<CallEndEvent['phase'], 'orphaned'>,
    ending: Ending,
    told: Pick<CallEnd, 'text' | 'isError' | 'message'>,
  ): Promise<void> {
    await this.#end({ phase, outcome: this.#outcome(ending, told.text) }, { phase, code: ending.code ?? '', ...told });
  }

  /** It is not sent: its arguments do not fit the tool. The agent gets the problem as the tool's result, so that its model can put it right. */
  async refuseArguments(problem: string): Promise<void> {
    const ending = { status: 'tool_error', effect: 'none', code: 'invalid_arguments' } as const;
    await this.end('failed', ending, { text: problem, isError: true, message: '' });
  }

  /** Its executor is gone, and nobody can tell what it did. */
  async orphan(code: string, message: string): Promise<void> {
    const outcome = this.#outcome({ status: 'lease_lost', effect: 'unknown', code }, '');
    const owner = `executor/${this.lease?.executorId ?? 'none'}`;
    await this.#end(
      { phase: 'orphaned', outcome, owner },
      { phase: 'orphaned', text: '', isError: true, code, message },
    );
  }

  /** Nothing was recorded: the call is as good as never made. */
  abandon(code: string, message: string): void {
    this.#isEnding = true;
    this.#settle({ phase: 'unrecorded', text: '', isError: true, code, message });
  }

  async #end(event: CallEndEvent, told: CallEnd): Promise<void> {
    if (this.#isEnding) return;
    this.#isEnding = true;
    if (!(await this.begin()) || (await this.#recording) === false)
      return this.abandon('audit_unavailable', endMessage('audit_unavailable'));
    const written = await this.#dependencies.journal
      .end(this.#record, this.#nextSeq, event)
      .catch(() => ({ ok: false, reason: 'unrecorded' }) as const);
    this.#nextSeq += 1;
    if (written.ok) return this.#settle(told);
    const nothing = { text: '', isError: true };
    if (written.reason === 'already_ended') {
      this.#nextSeq += 1;
      const message = 'The call was ended because nobody renewed it; what it did is not known.';
      return this.#settle({ phase: 'orphaned', ...nothing, code: 'lease_lost', message });
    }
    const message = 'How the call ended could not be recorded, so its result is withheld; it may have taken effect.';
    this.#settle({ phase: 'unrecorded', ...nothing, code: 'outcome_unrecorded', message });
  }

  #outcome({ status, effect, code, cancelForwarded }: Ending, text: string): Outcome {
    const { clock, commitResult } = this.#dependencies;
    return {
      status,
      effect,
      durationMs: Math.max(0, Math.round(clock.nowMs() - this.#record.startedAtMs)),
      ...(code === undefined || code === '' ? {} : { code: code.slice(0, 64) }),
      ...(cancelForwarded === undefined ? {} : { cancelForwarded }),
      ...(text === '' ? {} : { result: commitResult(this.id, text) }),
    };
  }

  #write(written: Promise<{ readonly ok: boolean }>, nextSeq: number): Promise<boolean> {
    this.#recording = written.then(
      ({ ok }) => {
        if (ok) this.#nextSeq = nextSeq;
        return ok;
      },
      () => false,
    );
    return this.#recording;
  }

  #give(given: Given): void {
    this.#given = given;
    const { subject } = this.#record;
    if (subject.sandbox === undefined) return;
    const sandbox = { ...subject.sandbox, executor: given.executor };
    this.#record = { ...this.#record, subject: { ...subject, sandbox } };
  }
}
