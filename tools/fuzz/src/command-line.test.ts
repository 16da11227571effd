import { describe, expect, it } from 'vitest';

import { parseCommandLine } from './command-line.ts';
import { fuzzTargets } from './fuzz-targets.ts';

describe('arguments', () => {
  it('name all targets where they name none', () => {
    const targets = fuzzTargets.map(({ name }) => name);
    expect(parseCommandLine([])).toEqual({ type: 'fuzz', targets, seconds: 60, corpusDir: undefined });
  });

  it('choose', () => {
    const args = ['--seconds', '5', '--corpus', '/c', 'utf8', 'sse-stream'];
    expect(parseCommandLine(args)).toEqual({ type: 'wrong', why: 'there is no target utf8' });
    const expected = { targets: ['sse-stream'], seconds: 5, corpusDir: '/c' };
    expect(parseCommandLine(args.toSpliced(4, 1))).toEqual({ type: 'fuzz', ...expected });
    expect(parseCommandLine([...args.toSpliced(4, 1), '--merge'])).toEqual({ type: 'merge', ...expected });
    expect(parseCommandLine(['--replay', 'f', 'sse-stream'])).toEqual({
      type: 'replay',
      target: 'sse-stream',
      file: 'f',
    });
    expect(parseCommandLine(['--help']).type).toBe('help');
  });

  it.each([[['--seconds', '0']], [['--seconds', 'x']], [['--replay', 'f']], [['--unknown']]])('refuse %j', (args) => {
    expect(parseCommandLine(args).type).toBe('wrong');
  });
});
