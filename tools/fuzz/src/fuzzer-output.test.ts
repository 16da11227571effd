import { describe, expect, it } from 'vitest';

import { artifactOf, noProgress, withLine } from './fuzzer-output.ts';

describe('lines of the fuzzer', () => {
  it('gives the figures of a progress line', () => {
    const line = '#4096\tNEW    cov: 210 ft: 400 corp: 31/2Kb lim: 64 exec/s: 1365 rss: 180Mb L: 5/64 MS: 1 CrossOver-';
    expect(withLine(noProgress, line)).toEqual({
      executions: 4096,
      coverage: 210,
      features: 400,
      corpusSize: 31,
      executionsPerSecond: 1365,
      rssMb: 180,
    });
  });

  it('keeps what a line does not give, and the highest memory', () => {
    const before = withLine(noProgress, '#9 INITED cov: 5 ft: 6 corp: 2/3b exec/s: 0 rss: 150Mb');
    expect(withLine(before, '#12 DONE rss: 90Mb')).toEqual({ ...before, executions: 12 });
    expect(withLine(before, 'INFO: seed corpus: files: 3')).toBe(before);
  });

  it('names what was found', () => {
    expect(artifactOf("artifact_prefix='x/'; Test unit written to x/crash-0a")).toBe('x/crash-0a');
    expect(artifactOf('#1 NEW cov: 1')).toBeUndefined();
  });
});
