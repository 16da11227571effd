import { describe, expect, it } from 'vitest';
import { SequenceWatch } from './sequence-watch.ts';

const state = (lastSequence: number, events: number) => [{ source: 'router/1', lastSequence, events }];

describe('watching the sequences of sources', () => {
  it('is silent while late events come in the end', () => {
    const watch = new SequenceWatch(30);
    expect(watch.observe(state(10, 8), 0)).toEqual([]);
    expect(watch.observe(state(10, 10), 20)).toEqual([]);
    expect(watch.observe(state(20, 15), 40)).toEqual([]);
    expect(watch.observe(state(20, 20), 60)).toEqual([]);
    expect(watch.observe(state(30, 29), 75)).toEqual([]);
  });

  it('raises one alarm for what stays missing, and another when more does', () => {
    const watch = new SequenceWatch(30);
    watch.observe(state(10, 9), 0);
    expect(watch.observe(state(20, 17), 20)).toEqual([]);
    expect(watch.observe(state(30, 29), 30)).toEqual([{ source: 'router/1', missing: 1 }]);
    expect(watch.observe(state(40, 39), 61)).toEqual([]);
    expect(watch.observe(state(50, 47), 70)).toEqual([]);
    expect(watch.observe(state(60, 57), 92)).toEqual([]);
    expect(watch.observe(state(70, 67), 123)).toEqual([{ source: 'router/1', missing: 3 }]);
  });

  it('raises an alarm where a sequence was used twice', () => {
    const watch = new SequenceWatch(0);
    expect(watch.observe(state(10, 11), 0)).toEqual([{ source: 'router/1', missing: -1 }]);
  });

  it('forgets sources that no longer write', () => {
    const watch = new SequenceWatch(30);
    watch.observe(state(10, 9), 0);
    watch.observe([], 10);
    expect(watch.observe(state(10, 9), 35)).toEqual([]);
  });
});
