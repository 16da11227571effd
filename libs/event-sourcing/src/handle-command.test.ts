import { fail, ok } from '@sallyport/result';
import { describe, expect, it } from 'vitest';
import type { Decider } from './decider.ts';
import type { AppendOutcome } from './event-store.ts';
import { handleCommand } from './handle-command.ts';
import { InMemoryEventStore } from './in-memory-event-store.ts';

const counter: Decider<number, number, number, 'too-high'> = {
  initialState: 0,
  decide: (state, by) => (state + by > 10 ? fail('too-high') : ok(by === 0 ? [] : [by])),
  evolve: (state, by) => state + by,
};

class Contended extends InMemoryEventStore<number> {
  conflicts: number;
  constructor(conflicts: number) {
    super();
    this.conflicts = conflicts;
  }
  override append(streamId: string, expectedVersion: number, events: readonly number[]): Promise<AppendOutcome> {
    return this.conflicts-- > 0 ? Promise.resolve('conflict') : super.append(streamId, expectedVersion, events);
  }
}

describe('handleCommand', () => {
  it('folds, decides and appends', async () => {
    const store = new InMemoryEventStore<number>();
    expect(await handleCommand(store, counter, 'a', 4)).toEqual(ok(4));
    expect(await handleCommand(store, counter, 'a', 5)).toEqual(ok(9));
    expect(await handleCommand(store, counter, 'a', 2)).toEqual(fail('too-high'));
    expect(await handleCommand(store, counter, 'a', 0)).toEqual(ok(9));
    expect((await store.read('a')).events).toEqual([4, 5]);
  });

  it('decides again after a conflict, and gives up after five', async () => {
    expect(await handleCommand(new Contended(4), counter, 'a', 1)).toEqual(ok(1));
    expect(await handleCommand(new Contended(5), counter, 'a', 1)).toEqual(fail('contended'));
  });
});
