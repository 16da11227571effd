import { binaryTextArray } from '@sallyport/event-log-pg';
import type pg from 'pg';
import type { OpenCall } from './event-write.ts';
import type { StampedEvent } from './stamped-batch.ts';

export interface CommitRequest {
  readonly source: string;
  readonly fence: bigint;
  /** The source's last sequence before; the statement fails with SP001 where the row says another. */
  readonly expected: bigint;
  readonly events: readonly StampedEvent[];
  /** The statement fails with SP002 where one of them is not open. No call twice. */
  readonly closes: readonly string[];
  readonly opens: readonly OpenCall[];
  readonly owner: string;
  readonly leaseMs: number;
  readonly notify: boolean;
}

/** `outbox_commit` as a prepared statement: one round trip, and outside of a transaction one durable commit. */
export function commitStatement(request: CommitRequest): pg.QueryConfig {
  const { source, fence, expected, events, closes, opens } = request;
  return {
    name: 'sallyport-outbox-commit',
    text: 'select outbox_commit($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)',
    values: [
      source,
      fence,
      expected,
      binaryTextArray(events.map((event) => event.topic)),
      binaryTextArray(events.map((event) => event.key)),
      binaryTextArray(events.map((event) => event.eventId)),
      binaryTextArray(events.map((event) => event.value)),
      binaryTextArray(closes),
      binaryTextArray(opens.map((call) => call.callId)),
      binaryTextArray(opens.map(() => request.owner)),
      opens.map((call) => call.nextSeq),
      binaryTextArray(opens.map((call) => call.context)),
      request.leaseMs,
      request.notify,
    ],
  };
}

export interface ClaimedSource {
  readonly fence: bigint;
  readonly lastSequence: bigint;
}

/**
 * Makes the source's row, or fences it: from here on no statement of an earlier connection can commit as this source, and `lastSequence` says
 * for good which of them did. Waits for a statement that is being committed.
 */
export async function claimSource(client: pg.ClientBase, source: string): Promise<ClaimedSource> {
  const { rows } = await client.query<{ fence: string; last_sequence: string }>(
    `insert into outbox_source (source) values ($1)
      on conflict (source) do update set fence = outbox_source.fence + 1, touched_at = now()
      returning fence, last_sequence`,
    [source],
  );
  const row = rows[0];
  if (row === undefined) throw new Error('the source could not be claimed');
  return { fence: BigInt(row.fence), lastSequence: BigInt(row.last_sequence) };
}
