import { executor as wire } from '@sallyport/contracts';
import { isPrefixedId } from '@sallyport/ids';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import type { Lease } from '../../domain/protocol-messages.ts';
import { argumentsBytesMax, parseSchedulerMessage } from './scheduler-messages.ts';

const callId = `call_${'0'.repeat(26)}`;
const text = (right: string): fc.Arbitrary<string> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(right) }, fc.string({ maxLength: 70 }), fc.constant('x'.repeat(300)));
const number = (right: number): fc.Arbitrary<number> =>
  fc.oneof({ weight: 6, arbitrary: fc.constant(right) }, fc.nat(0xffff_ffff));
const lease = fc.record({
  workId: text(`work_${'0'.repeat(26)}`),
  token: fc.oneof(fc.constant(1n), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
});
const maybeLease = fc.option(lease, { nil: undefined, freq: 8 });

type Message = NonNullable<wire.ConnectResponse['message']>;

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record({
    $case: fc.constant('registered' as const),
    value: fc.record({
      protocol: number(1),
      heartbeatMs: number(1000),
      leaseMs: fc.oneof(number(15_000), fc.constantFrom(1999, 2000)),
      environmentId: text(`env_${'0'.repeat(26)}`),
      kept: fc.array(lease, { maxLength: 2 }),
      callBytesMax: number(1_048_576),
    }),
  }),
  fc.record({
    $case: fc.constant('offer' as const),
    value: fc.record({
      lease: maybeLease,
      sessionId: text(`sesn_${'0'.repeat(26)}`),
      requirements: fc.option(
        fc.record({
          tier: text('namespace'),
          runtime: text('host'),
          memoryMib: number(512),
          pids: number(64),
          cpuMillis: number(1000),
          workspaceMib: number(64),
        }),
        { nil: undefined, freq: 8 },
      ),
    }),
  }),
  fc.record({
    $case: fc.constant('call' as const),
    value: fc.record({
      lease: maybeLease,
      callId: text(callId),
      tool: text('bash'),
      argumentsJson: fc.uint8Array({ maxLength: 30 }).map((bytes) => Buffer.from(bytes)),
      deadlineMs: number(1000),
      traceparent: text('00-0-0-00'),
    }),
  }),
  fc.record({
    $case: fc.constant('heartbeatAcknowledged' as const),
    value: fc.record({ lost: fc.array(lease, { maxLength: 3 }) }),
  }),
);

function expectLease({ workId, token }: Lease): void {
  expect(isPrefixedId('work', workId)).toBe(true);
  expect(token >= 1n && token <= BigInt(Number.MAX_SAFE_INTEGER)).toBe(true);
}

function expectMessage(response: wire.ConnectResponse): void {
  const parsed = parseSchedulerMessage(response);
  if (!parsed.ok) {
    expect(parsed.reason).toMatch(/^[a-z_.]{1,64}$/);
    return;
  }
  const said = parsed.value;
  if ('lease' in said) expectLease(said.lease);
  if (said.type === 'heartbeatAcknowledged') said.lost.forEach(expectLease);
  if (said.type === 'registered') {
    const { heartbeatMs, leaseMs, callBytesMax, kept } = said.registered;
    expect(heartbeatMs >= 10 && leaseMs >= 2 * heartbeatMs && leaseMs <= 3_600_000 && callBytesMax >= 1024).toBe(true);
    kept.forEach(expectLease);
  }
  if (said.type === 'call') {
    const { call } = said;
    expect(call.tool).toMatch(/^[\w.-]{1,64}$/);
    expect(call.argumentsJson.length <= argumentsBytesMax && call.traceparent.length <= 256).toBe(true);
    expect(call.deadlineMs >= 1 && call.deadlineMs <= 86_400_000).toBe(true);
  }
}

describe('messages of a scheduler', () => {
  it('are taken in the right shape only, and a refusal names a field and nothing of its content', () => {
    fc.assert(
      fc.property(message, (value) => expectMessage({ message: value })),
      { numRuns: 3000 },
    );
  });

  it('of hostile bytes are decoded to the right shape or refused by the decoder', () => {
    const damaged = fc
      .tuple(message, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }), fc.nat())
      .map(([value, changes, end]) => {
        const bytes = wire.ConnectResponse.encode({ message: value }).finish();
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        return bytes.subarray(0, end % 3 === 0 ? end % (bytes.length + 1) : bytes.length);
      });
    fc.assert(
      fc.property(fc.oneof({ weight: 20, arbitrary: damaged }, fc.uint8Array({ maxLength: 60 })), (bytes) => {
        let response: wire.ConnectResponse;
        try {
          response = wire.ConnectResponse.decode(bytes);
        } catch {
          return; // gRPC ends the stream with the decoder's error
        }
        expectMessage(response);
      }),
      { numRuns: 3000 },
    );
  });
});
