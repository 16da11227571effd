import { canonicalize, Frontier, TileLevels } from '@sallyport/transparency-log';
import { describe, expect, it } from 'vitest';
import { type BatchPlan, type KnownEvent, planBatch } from './plan-batch.ts';
import { readRecord } from './read-record.ts';

function plan(
  values: readonly string[],
  options: {
    from?: bigint;
    position?: bigint;
    known?: ReadonlyMap<string, KnownEvent>;
    rootSizes?: readonly number[];
  } = {},
) {
  const { from = 0n, position = 0n, known = new Map(), rootSizes = [] } = options;
  return planBatch({
    position: { nextOffset: position, frontier: Frontier.empty() },
    levels: new TileLevels(0, []),
    records: values.map((value, at) => readRecord({ offset: from + BigInt(at), value })),
    known,
    rootSizes: new Set(rootSizes),
  });
}

function kinds(values: readonly string[], known?: ReadonlyMap<string, KnownEvent>): string[] {
  const planned = plan(values, known === undefined ? {} : { known });
  return planned.ok ? planned.value.leaves.map(({ kind, index }) => `${index}:${kind}`) : [];
}

/** Events of one id may differ in their sequence. */
function value(sequence: number, id = sequence): string {
  const text = canonicalize({
    specversion: '1.0',
    id: idOf(id),
    source: 'router/1',
    type: 'sallyport.toolcall.requested.v1',
    time: '2026-11-23T10:00:00Z',
    sequence: String(sequence).padStart(20, '0'),
    data: {},
  });
  if (!text.ok) throw new Error(text.reason);
  return text.value;
}

const idOf = (number: number) => `00000000-0000-7000-8000-${String(number).padStart(12, '0')}`;
const hashOf = (text: string) => readRecord({ offset: 0n, value: text }).hash.toString('hex');

describe('planning a batch', () => {
  it('makes each event a leaf and moves on', () => {
    const planned = plan([value(1), value(2), value(3)], { rootSizes: [2, 9] });
    expect(planned).toMatchObject({ ok: true, value: { nextOffset: 3n, duplicates: 0 } });
    const { frontier, rootsAt, sources } = (planned as { value: BatchPlan }).value;
    const half = Frontier.empty();
    for (const number of [1, 2]) half.append(readRecord({ offset: 0n, value: value(number) }).hash);
    expect([frontier.size, [...rootsAt]]).toEqual([3, [[2, half.root()]]]);
    expect([...sources]).toEqual([['router/1', { last: 3, events: 3 }]]);
  });

  it('skips an event that came before with the same bytes, in the batch and in the ledger', () => {
    expect(kinds([value(1), value(1), value(2)])).toEqual(['0:event', '1:event']);
    const known = new Map([[idOf(1), { event: hashOf(value(1)), conflicts: [] }]]);
    expect(kinds([value(1), value(2)], known)).toEqual(['0:event']);
  });

  it('gives an id that came again with other bytes a conflict leaf, once per content', () => {
    expect(kinds([value(1), value(2, 1), value(2, 1), value(3, 1), value(1)])).toEqual([
      '0:event',
      '1:conflict',
      '2:conflict',
    ]);
    const known = new Map([[idOf(1), { event: hashOf(value(1)), conflicts: [hashOf(value(2, 1))] }]]);
    expect(kinds([value(2, 1), value(3, 1)], known)).toEqual(['0:conflict']);
  });

  it('gives what cannot be read a leaf too, and counts conflicts for no source', () => {
    const planned = plan(['garbage', value(1), value(2, 1), 'garbage']);
    expect(planned).toMatchObject({ ok: true, value: { nextOffset: 4n } });
    const { leaves, sources } = (planned as { value: BatchPlan }).value;
    expect(leaves.map(({ kind }) => kind)).toEqual(['unparseable', 'event', 'conflict', 'unparseable']);
    expect([...sources]).toEqual([['router/1', { last: 1, events: 1 }]]);
  });

  it('drops records below the position and refuses a gap', () => {
    const late = plan([value(1), value(2), value(3)], { from: 4n, position: 5n });
    expect(late).toMatchObject({ ok: true, value: { nextOffset: 7n, leaves: [{ index: 0 }, { index: 1 }] } });
    expect(plan([value(1)], { from: 6n, position: 5n })).toEqual({ ok: false, reason: { wanted: 5n, found: 6n } });
    expect(plan([value(1)], { from: 2n, position: 5n })).toMatchObject({
      ok: true,
      value: { nextOffset: 5n, leaves: [] },
    });
  });

  it('does not move the frontier that it was given', () => {
    const frontier = Frontier.empty();
    const records = [readRecord({ offset: 0n, value: value(1) })];
    planBatch({
      position: { nextOffset: 0n, frontier },
      levels: new TileLevels(0, []),
      records,
      known: new Map(),
      rootSizes: new Set(),
    });
    expect(frontier.size).toBe(0);
  });
});
