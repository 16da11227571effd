import { executor as wire } from '@sallyport/contracts';
import { isPrefixedId } from '@sallyport/ids';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { HeldLease } from '../../ports/work-queue.ts';
import { readAnswer, readLease, readOutput, readReason, readRegistration } from './executor-messages.ts';

const answerBytesMax = 200;
const uuid = '00000000-0000-4000-8000-000000000000';
const workId = `work_${'0'.repeat(26)}`;
const callId = `call_${'0'.repeat(26)}`;

/** Right about as often as wrong, so that what is behind the first check is reached too. */
const text = (right: string): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 6, arbitrary: fc.constant(right) },
    fc.constantFrom('', 'x'.repeat(65), 'x'.repeat(300), `${right}\n`, 'é'.repeat(64)),
    fc.string({ maxLength: 70 }),
  );
const lease = fc.record({
  workId: text(workId),
  token: fc.oneof(fc.constant(1n), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
});
const maybeLease = fc.option(lease, { nil: undefined, freq: 8 });
const check = fc.record({ check: text('host_files_hidden'), proved: fc.boolean() });
const checks = fc.oneof(fc.array(check, { maxLength: 3 }), fc.array(check, { minLength: 60, maxLength: 70 }));

const register: fc.Arbitrary<wire.Register> = fc.record({
  protocolMin: fc.nat(),
  protocolMax: fc.nat(),
  executorId: text(uuid),
  environmentKey: text('ek-x'),
  version: text('sallyport/0.1.0'),
  capabilities: fc.option(
    fc.record({
      region: text('eu'),
      runtimes: fc.array(text('host'), { maxLength: 3 }),
      labels: fc.dictionary(text('a'), text('b'), { maxKeys: 3 }),
      driver: text('namespace'),
      checks,
      insecureNoIsolation: fc.boolean(),
      slots: fc.oneof(fc.integer({ min: 1, max: 1000 }), fc.nat(0xffff_ffff)),
      architecture: text('x86_64'),
    }),
    { nil: undefined, freq: 8 },
  ),
  held: fc.array(lease, { maxLength: 2 }),
});

const answer: fc.Arbitrary<wire.Answer> = fc.record({
  lease: maybeLease,
  callId: text(callId),
  outcome: fc.constantFrom(...Object.values(wire.CallOutcome)),
  text: text('done'),
  isError: fc.boolean(),
  code: text('tool_failed'),
  durationMs: fc.nat(),
});

const output: fc.Arbitrary<wire.Output> = fc.record({
  lease: maybeLease,
  callId: text(callId),
  data: fc.constantFrom(0, 1, 64 * 1024, 64 * 1024 + 1).map((length) => Buffer.alloc(length)),
});

function expectLease({ workId, token }: HeldLease): void {
  expect(isPrefixedId('work', workId)).toBe(true);
  expect(Number.isSafeInteger(token) && token > 0).toBe(true);
}

function expectRegistration(message: wire.Register): void {
  const read = readRegistration(message);
  if (read === undefined) return;
  const { region, driver, version, runtimes, labels, slots, held } = read;
  expect(read.executorId).toMatch(/^[0-9a-f-]{36}$/);
  for (const short of [region, driver, version, ...runtimes, ...Object.keys(labels), ...Object.values(labels)])
    expect(short.length).toBeLessThanOrEqual(64);
  expect(Math.max(runtimes.length, Object.keys(labels).length, read.checks.length)).toBeLessThanOrEqual(64);
  expect(slots >= 1 && slots <= 1000).toBe(true);
  expect(held).toHaveLength(message.held.length);
  held.forEach(expectLease);
}

function expectAnswer(message: wire.Answer): void {
  const read = readAnswer(message, answerBytesMax);
  if (read === undefined) return;
  expectLease(read.lease);
  expect(isPrefixedId('call', read.callId)).toBe(true);
  expect(Buffer.byteLength(read.answer.text)).toBeLessThanOrEqual(answerBytesMax);
  expect(read.answer.code).toMatch(/^[a-z0-9_]{0,64}$/);
}

function expectOutput(message: wire.Output): void {
  const read = readOutput(message);
  if (read === undefined) return;
  expectLease(read.lease);
  expect(read.data.length).toBeLessThanOrEqual(64 * 1024);
}

function expectRequest({ message }: wire.ConnectRequest): void {
  if (message?.$case === 'register') expectRegistration(message.value);
  if (message?.$case === 'answer') expectAnswer(message.value);
  if (message?.$case === 'output') expectOutput(message.value);
  if (message?.$case === 'sandboxLost') expect(readReason(message.value.reason) ?? 'x').toMatch(/^[a-z0-9_]{1,64}$/);
  if (message?.$case === 'heartbeat') message.value.leases.forEach((held) => readLease(held));
}

describe('messages of an executor', () => {
  it('are believed in the right shape only', () => {
    fc.assert(fc.property(register, expectRegistration), { numRuns: 2000 });
    fc.assert(fc.property(answer, expectAnswer), { numRuns: 2000 });
    fc.assert(fc.property(output, expectOutput), { numRuns: 500 });
  });

  it('are read the same after the wire', () => {
    fc.assert(
      fc.property(answer, (message) => {
        const bytes = wire.Answer.encode(message).finish();
        const isWellFormed = [message.callId, message.text, message.code, message.lease?.workId ?? ''].every((text) =>
          text.isWellFormed(),
        );
        if (isWellFormed)
          expect(readAnswer(wire.Answer.decode(bytes), answerBytesMax)).toEqual(readAnswer(message, answerBytesMax));
      }),
      { numRuns: 500 },
    );
  });

  it('of hostile bytes are decoded to the right shape or refused by the decoder', () => {
    const message = fc.oneof(
      register.map((value): wire.ConnectRequest => ({ message: { $case: 'register', value } })),
      answer.map((value): wire.ConnectRequest => ({ message: { $case: 'answer', value } })),
    );
    const damaged = fc
      .tuple(message, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat())
      .map(([request, changes, end]) => {
        const bytes = wire.ConnectRequest.encode(request).finish();
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        return bytes.subarray(0, end % 3 === 0 ? end % (bytes.length + 1) : bytes.length);
      });
    // Groups, each inside the last.
    const nested = fc.nat(100_000).map((depth) => new Uint8Array(depth).fill(0x7b));
    fc.assert(
      fc.property(fc.oneof({ weight: 20, arbitrary: damaged }, fc.uint8Array({ maxLength: 60 }), nested), (bytes) => {
        let request: wire.ConnectRequest;
        try {
          request = wire.ConnectRequest.decode(bytes);
        } catch {
          return; // gRPC ends the stream with the decoder's error
        }
        expectRequest(request);
      }),
      { numRuns: 3000 },
    );
  });
});
