import { describe, expect, it } from 'vitest';

import { LastWords } from './last-words.ts';

function summaryOf(...chunks: readonly (readonly ['stdout' | 'stderr', string])[]) {
  const words = new LastWords();
  for (const [stream, text] of chunks) words.add(stream, text);
  return words.summary();
}

describe('the last words of a process', () => {
  it('are the error of a crash, not its stack', () => {
    const crash =
      "file:///a/b.ts:3\n  throw new Error('no');\n  ^\n\nError: the door is closed\n    at x (y:1)\n\nNode.js v24.1.0\n";
    expect(summaryOf(['stderr', crash])).toBe('Error: the door is closed');
  });

  it('are the problems of a configuration, in one line', () => {
    const text = 'the configuration has 2 problem(s):\n  A_B: is missing\n  C_D: must be a number\n';
    expect(summaryOf(['stderr', text])).toBe(
      'the configuration has 2 problem(s): A_B: is missing C_D: must be a number',
    );
  });

  it('are the last fatal line of a log where nothing else was said', () => {
    const log = [
      JSON.stringify({ level: 'error', msg: 'first' }),
      JSON.stringify({ level: 'fatal', msg: 'cannot listen', err: { message: 'EADDRINUSE' } }),
      JSON.stringify({ level: 'info', msg: 'stopped' }),
    ];
    expect(summaryOf(['stdout', `${log.join('\n')}\n`])).toBe('cannot listen: EADDRINUSE');
  });

  it('come together from pieces, and are bounded', () => {
    expect(summaryOf(['stderr', 'audit: it '], ['stderr', 'broke\n'])).toBe('audit: it broke');
    expect(summaryOf(['stderr', `x: ${'y'.repeat(10_000)}\n`])?.length).toBeLessThanOrEqual(400);
    expect(summaryOf(['stdout', 'listening\n'])).toBeUndefined();
  });
});
