import { describe, expect, it } from 'vitest';

import { fitOffer } from './offer-fit.ts';

const limits = { memoryMib: 1_024, pids: 256, cpuMillis: 1_000, workspaceMib: 512 };
const offering = { tier: 'namespace', runtimes: ['host', 'python'], limits, unproved: [] } as const;
const any = { tier: '', runtime: '', memoryMib: 0, pids: 0, cpuMillis: 0, workspaceMib: 0 };

describe('the fit of an offer', () => {
  it('takes the executor’s own where nothing is asked for, and less where less is', () => {
    expect(fitOffer(any, offering)).toEqual({ ok: true, value: { runtime: 'host', limits } });
    const asked = { ...any, tier: 'namespace', runtime: 'python', pids: 16, memoryMib: 1_024 };
    expect(fitOffer(asked, offering)).toEqual({
      ok: true,
      value: { runtime: 'python', limits: { ...limits, pids: 16 } },
    });
  });

  it.each([
    [{ tier: 'microvm' }, 'tier_unavailable'],
    [{ tier: 'none' }, 'tier_unavailable'],
    [{ runtime: 'node' }, 'runtime_unavailable'],
    [{ memoryMib: 1_025 }, 'limit_exceeded'],
    [{ pids: 257 }, 'limit_exceeded'],
    [{ cpuMillis: 1_001 }, 'limit_exceeded'],
    [{ workspaceMib: 513 }, 'limit_exceeded'],
  ] as const)('refuses %o', (asked, reason) => {
    expect(fitOffer({ ...any, ...asked }, offering)).toEqual({ ok: false, reason });
  });

  it.each([
    [{ memoryMib: 512 }, 'memory_bounded'],
    [{ pids: 16 }, 'pids_bounded'],
    [{ cpuMillis: 500 }, 'cpu_bounded'],
    [{ workspaceMib: 64 }, 'workspace_bounded'],
  ] as const)('refuses %o where %s is not proved, and serves who does not ask for it', (asked, check) => {
    const unproved = { ...offering, unproved: [check] };
    expect(fitOffer({ ...any, ...asked }, unproved)).toEqual({ ok: false, reason: 'limit_unproved' });
    expect(fitOffer(any, unproved)).toMatchObject({ ok: true });
    expect(fitOffer({ ...any, ...asked }, offering)).toMatchObject({ ok: true });
  });
});
