import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { workItemDecider, type WorkItemCommand, type WorkItemEvent } from './work-item.ts';

/** A claim as an executor remembers it, whether or not it still holds. */
interface Claim {
  readonly executorId: string;
  readonly token: number;
}

const step = fc.oneof(
  fc.record({ act: fc.constant('claim' as const), executorId: fc.constantFrom('a', 'b', 'c') }),
  fc.record({ act: fc.constantFrom('ready' as const, 'lose' as const, 'expire' as const), which: fc.nat(30) }),
  fc.record({ act: fc.constantFrom('stop' as const) }),
);

describe('leases, in any order of claims, reports, losses and expiries', () => {
  it('have one holder at a time, rising tokens, and ignore all that is fenced', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(5), (steps, lastToken) => {
        const queue: WorkItemCommand = { type: 'QueueWork', sessionId: 's', environmentId: 'e', lastToken, atMs: 0 };
        const log: WorkItemEvent[] = [];
        const send = (command: WorkItemCommand) => {
          const state = log.reduce(workItemDecider.evolve, workItemDecider.initialState);
          const decision = workItemDecider.decide(state, command);
          if (decision.ok) log.push(...decision.value);
          return decision.ok;
        };
        expect(send(queue)).toBe(true);
        // The model: every claim that was ever given out, and the one that holds.
        const claims: Claim[] = [];
        let holder: Claim | undefined;
        let stopped = false;
        for (const [atMs, each] of steps.entries()) {
          if (each.act === 'claim') {
            const taken = send({ type: 'ClaimWork', executorId: each.executorId, atMs });
            expect(taken).toBe(holder === undefined && !stopped);
            if (!taken) continue;
            holder = { executorId: each.executorId, token: lastToken + claims.length + 1 };
            claims.push(holder);
          } else if (each.act === 'stop') {
            const done = send({ type: 'StopWork', atMs });
            expect(done).toBe(holder === undefined);
            stopped ||= done;
          } else {
            const claim = claims[each.which % Math.max(1, claims.length)];
            if (claim === undefined) continue;
            const { token } = claim;
            const done =
              each.act === 'ready'
                ? send({ type: 'ReportReady', token, startMs: 1, atMs })
                : send({
                    type: 'EndLease',
                    token,
                    reason: each.act === 'lose' ? 'sandbox_died' : 'lease_expired',
                    requeue: each.which % 2 === 0,
                    atMs,
                  });
            expect(done).toBe(claim === holder);
            if (done && each.act !== 'ready') {
              holder = undefined;
              stopped = each.which % 2 !== 0;
            }
          }
        }
        const tokens = log.flatMap((event) => (event.type === 'WorkClaimed' ? [event.token] : []));
        expect(tokens).toEqual(claims.map(({ token }) => token));
        expect(tokens).toEqual(tokens.toSorted((a, b) => a - b));
        expect(new Set(tokens).size).toBe(tokens.length);
        const ends = log.filter(({ type }) => type === 'LeaseEnded').length;
        expect(tokens.length - ends).toBe(holder === undefined ? 0 : 1);
      }),
      { numRuns: 2_000 },
    );
  });
});
