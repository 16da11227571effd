import type { Decision, Outcome } from '@sallyport/audit-events';
import { callDraft, type CallRecord, type EventClockAndIds, recordEnd, recordLate } from '@sallyport/audit-outbox';
import type { EventWrite, OutboxWriter } from '@sallyport/outbox-pg';
import { fail, ok, type Result } from '@sallyport/result';
import type pg from 'pg';
import { type CallEndEvent, CallJournal, type JournalledCall } from '../../ports/call-journal.ts';

/** `requested` and `authorized` come before the dispatch. */
const seqOfDispatch = 3;

/** Events of calls through the scheduler's outbox: durable when committed, published by the relay. */
export class OutboxCallJournal extends CallJournal {
  readonly #writer: OutboxWriter;
  readonly #pool: pg.Pool;
  readonly #ids: EventClockAndIds;

  constructor(writer: OutboxWriter, pool: pg.Pool, ids: EventClockAndIds) {
    super();
    this.#writer = writer;
    this.#pool = pool;
    this.#ids = ids;
  }

  override deny(call: JournalledCall, decision: Decision): Promise<Result<void, 'unrecorded'>> {
    const events = [
      callDraft(this.#ids, call, 1, { phase: 'requested', trigger: 'agent' }),
      callDraft(this.#ids, call, 2, { phase: 'denied', decision }),
    ];
    return this.#commit({ events, whenFull: 'refuse' });
  }

  override begin(
    call: JournalledCall,
    decision: Decision,
    dispatch: { readonly deadlineMs: number } | undefined,
  ): Promise<Result<void, 'unrecorded'>> {
    const events = [
      callDraft(this.#ids, call, 1, { phase: 'requested', trigger: 'agent' }),
      callDraft(this.#ids, call, 2, { phase: 'authorized', decision }),
    ];
    if (dispatch !== undefined) events.push(this.#dispatched(call, dispatch.deadlineMs));
    return this.#commit({ events, open: open(call, events.length + 1), whenFull: 'refuse' });
  }

  /** The open row is replaced, so that the sweeper knows the executor and the next number. */
  override dispatch(call: JournalledCall, { deadlineMs }: { readonly deadlineMs: number }) {
    return this.#commit({
      events: [this.#dispatched(call, deadlineMs)],
      close: call.subject.callId,
      open: open(call, seqOfDispatch + 1),
    });
  }

  override end(call: JournalledCall, seq: number, event: CallEndEvent) {
    return recordEnd(this.#writer, this.#ids, call, seq, event);
  }

  override late(call: JournalledCall, seq: number, outcome: Outcome) {
    return recordLate(this.#writer, this.#ids, call, seq, outcome);
  }

  override async findOpen(callId: string) {
    const { rows } = await this.#pool.query<{ context: string; next_seq: number }>(
      'select context, next_seq from open_calls where call_id = $1',
      [callId],
    );
    const [row] = rows;
    return row === undefined ? undefined : { call: JSON.parse(row.context) as CallRecord, nextSeq: row.next_seq };
  }

  #dispatched(call: JournalledCall, deadlineMs: number) {
    return callDraft(this.#ids, call, seqOfDispatch, { phase: 'dispatched', attempt: 1, deadlineMs });
  }

  async #commit(write: EventWrite): Promise<Result<void, 'unrecorded'>> {
    const written = await this.#writer.commit(write);
    return written.ok ? ok(undefined) : fail('unrecorded');
  }
}

function open(call: JournalledCall, nextSeq: number) {
  return { callId: call.subject.callId, nextSeq, context: JSON.stringify(call) };
}
