import { describe, expect, it } from 'vitest';
import { CallOutput } from './call-output.ts';

describe('output of a call', () => {
  it('keeps a character whole that comes in two pieces', () => {
    const output = new CallOutput();
    const bytes = Buffer.from('a€😀z');
    const taken: (string | undefined)[] = [];
    for (const byte of bytes) {
      output.push(Buffer.of(byte));
      taken.push(output.take());
    }
    expect(taken.filter((text) => text !== undefined)).toEqual(['a', '€', '😀', 'z']);
    expect([output.bytes, output.tail(), output.take()]).toEqual([bytes.length, 'a€😀z', undefined]);
  });

  it('takes what is no text as far as it goes', () => {
    const output = new CallOutput();
    output.push(Buffer.of(0xff, 0x61));
    expect(output.take()).toBe('\ufffda');
  });

  it('is bounded, keeps the newest, and says how much is missing', () => {
    const output = new CallOutput();
    for (let piece = 0; piece < 100; piece += 1) output.push(Buffer.from('x'.repeat(1_000)));
    output.push(Buffer.from('end'));
    const text = output.take() ?? '';
    expect(text).toMatch(/^\[… 67235 characters left out …\]\nx+end$/);
    expect(text.length).toBeLessThan(33_000);
    expect(output.tail()).toHaveLength(16 * 1024);
    output.push(Buffer.from('more'));
    expect(output.take()).toBe('more');
  });

  it('is well-formed where it was cut', () => {
    const output = new CallOutput();
    output.push(Buffer.from(`😀${'x'.repeat(32 * 1024 - 1)}`));
    expect(output.take()?.isWellFormed()).toBe(true);
    expect(output.tail().isWellFormed()).toBe(true);
  });
});
