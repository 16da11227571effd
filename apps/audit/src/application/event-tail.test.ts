import { describe, expect, it } from 'vitest';
import type { LedgerEvent } from '../ports/ledger-reader.ts';
import { EventTail } from './event-tail.ts';

const event = (leafIndex: number, workspace = 'w1', envelope = '{}'): LedgerEvent => ({
  topic: 't',
  origin: 'o',
  leafIndex,
  workspace,
  envelope,
  timeMs: 0,
});

describe('the tail', () => {
  it('hands each reader the events of its workspace, and operators all', async () => {
    const tail = new EventTail({ eventsMax: 10, charactersMax: 100 });
    const [one, all] = [tail.subscribe('w1'), tail.subscribe('')];
    const waiting = one.next();
    tail.publish([event(0), event(1, 'w2')]);
    tail.publish([event(2)]);
    expect(await waiting).toEqual([event(0), event(2)]);
    expect(await all.next()).toEqual([event(0), event(1, 'w2'), event(2)]);
  });

  it('ends a reader that falls behind, in events or in characters, and nobody else', async () => {
    const tail = new EventTail({ eventsMax: 2, charactersMax: 10 });
    const [slow, fast, other] = [tail.subscribe(''), tail.subscribe(''), tail.subscribe('w2')];
    tail.publish([event(0), event(1)]);
    expect(await fast.next()).toHaveLength(2);
    tail.publish([event(2)]);
    expect(await slow.next()).toBe('fell-behind');
    expect(await slow.next()).toBe('fell-behind');
    expect(await fast.next()).toEqual([event(2)]);
    tail.publish([event(3, 'w2', 'x'.repeat(11))]);
    expect(await other.next()).toBe('fell-behind');
  });

  it('ends when it is closed, also while a reader waits', async () => {
    const tail = new EventTail({ eventsMax: 2, charactersMax: 10 });
    const reader = tail.subscribe('');
    const waiting = reader.next();
    tail.close();
    expect(await waiting).toBe('closed');
    tail.publish([event(0)]);
    expect(await reader.next()).toBe('closed');
  });
});
