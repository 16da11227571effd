import { describe, expect, it } from 'vitest';
import { environmentDecider, type EnvironmentEvent } from './environment.ts';

const facts = {
  workspaceId: 'wrkspc_1',
  name: 'build',
  description: '',
  metadata: {},
  organization: false,
  placement: {
    tier: 'namespace',
    region: '',
    runtime: 'host',
    labels: {},
    memoryMib: 0,
    pids: 0,
    cpuMillis: 0,
    workspaceMib: 0,
  },
} as const;
const after = (...events: EnvironmentEvent[]) =>
  events.reduce(environmentDecider.evolve, environmentDecider.initialState);
const created: EnvironmentEvent = { type: 'EnvironmentCreated', facts, atMs: 1 };

describe('an environment', () => {
  it('is made once and archived once', () => {
    const { decide } = environmentDecider;
    expect(decide(after(), { type: 'CreateEnvironment', facts, atMs: 1 })).toEqual({ ok: true, value: [created] });
    expect(decide(after(created), { type: 'CreateEnvironment', facts, atMs: 2 })).toMatchObject({
      reason: 'environment-exists',
    });
    const archived: EnvironmentEvent = { type: 'EnvironmentArchived', atMs: 3 };
    expect(decide(after(created), { type: 'ArchiveEnvironment', atMs: 3 })).toEqual({ ok: true, value: [archived] });
    expect(decide(after(created, archived), { type: 'ArchiveEnvironment', atMs: 4 })).toEqual({ ok: true, value: [] });
    expect(decide(after(), { type: 'ArchiveEnvironment', atMs: 4 })).toMatchObject({ reason: 'environment-unknown' });
    expect(after(created, archived)).toEqual({ status: 'archived', facts });
  });
});
