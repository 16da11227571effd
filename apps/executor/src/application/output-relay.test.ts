import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { OutputRelay, outputMessageBytesMax, outputWaitingBytesMax } from './output-relay.ts';

class Way {
  readonly sent: Buffer[] = [];
  isOpen = true;
  readonly relay: OutputRelay;

  constructor(bytesMax: number) {
    this.relay = new OutputRelay(bytesMax, (data) => {
      if (this.isOpen) this.sent.push(Buffer.from(data));
      return this.isOpen;
    });
  }

  get text(): string {
    return Buffer.concat(this.sent).toString('latin1');
  }
}

describe('output on its way', () => {
  it('is joined until it is flushed, and cut into messages', () => {
    const way = new Way(1_000_000);
    way.relay.push(Buffer.from('a'));
    way.relay.push(Buffer.from('b'));
    expect(way.sent).toEqual([]);
    way.relay.flush();
    expect(way.text).toBe('ab');
    way.relay.push(Buffer.alloc(outputMessageBytesMax * 2 + 1));
    expect(way.sent.slice(1).map(({ length }) => length)).toEqual([outputMessageBytesMax, outputMessageBytesMax]);
    way.relay.end();
    expect(way.relay.droppedBytes).toBe(1);
  });

  it('is a copy of what the driver gave', () => {
    const way = new Way(100);
    const buffer = Buffer.from('one');
    way.relay.push(buffer);
    buffer.write('two');
    way.relay.flush();
    expect(way.text).toBe('one');
  });

  it('waits up to its bound; what comes then is left out, and all that follows', () => {
    const way = new Way(10_000_000);
    way.isOpen = false;
    way.relay.push(Buffer.alloc(outputWaitingBytesMax, 'a'));
    way.relay.push(Buffer.from('b'));
    way.isOpen = true;
    way.relay.flush();
    way.relay.push(Buffer.from('c'));
    way.relay.flush();
    expect(way.text).toBe('a'.repeat(outputWaitingBytesMax));
    expect(way.relay.droppedBytes).toBe(2);
  });

  it('is a prefix of what was written, within its limit, whatever the way does', () => {
    const steps = fc.array(fc.oneof(fc.nat(90_000), fc.constantFrom('open', 'close', 'flush')), { maxLength: 30 });
    fc.assert(
      fc.property(steps, fc.nat(500_000), (sequence, bytesMax) => {
        const way = new Way(bytesMax);
        let written = 0;
        const whole = Buffer.alloc(90_000 * 30, 'abcdefghijklm');
        for (const step of sequence) {
          if (step === 'open' || step === 'close') way.isOpen = step === 'open';
          else if (step === 'flush') way.relay.flush();
          else {
            way.relay.push(whole.subarray(written, written + step));
            written += step;
          }
        }
        way.relay.end();
        const sent = Buffer.concat(way.sent);
        expect(sent.length).toBeLessThanOrEqual(bytesMax);
        expect(sent.equals(whole.subarray(0, sent.length))).toBe(true);
        expect(sent.length + way.relay.droppedBytes).toBe(written);
        expect(sent.length).toBe(way.relay.sentBytes);
        for (const { length } of way.sent) expect(length).toBeLessThanOrEqual(outputMessageBytesMax);
      }),
      { numRuns: 200 },
    );
  });
});
