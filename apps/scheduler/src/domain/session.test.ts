import { describe, expect, it } from 'vitest';
import { sessionDecider, type SessionEvent } from './session.ts';

const facts = { workspaceId: 'wrkspc_1', environmentId: 'env_1', title: '', metadata: {} };
const after = (...events: SessionEvent[]) => events.reduce(sessionDecider.evolve, sessionDecider.initialState);
const created: SessionEvent = { type: 'SessionCreated', facts, atMs: 1 };
const archived: SessionEvent = { type: 'SessionArchived', atMs: 2 };

describe('a session', () => {
  const { decide } = sessionDecider;
  const create = { type: 'CreateSession', facts, environmentArchived: false, atMs: 1 } as const;

  it('begins in an environment that takes sessions', () => {
    expect(decide(after(), create)).toEqual({ ok: true, value: [created] });
    expect(decide(after(), { ...create, environmentArchived: true })).toMatchObject({ reason: 'environment-archived' });
    expect(decide(after(created), create)).toMatchObject({ reason: 'session-exists' });
  });

  it('ends once', () => {
    expect(decide(after(created), { type: 'ArchiveSession', atMs: 2 })).toEqual({ ok: true, value: [archived] });
    expect(decide(after(created, archived), { type: 'ArchiveSession', atMs: 3 })).toEqual({ ok: true, value: [] });
    expect(decide(after(), { type: 'ArchiveSession', atMs: 3 })).toMatchObject({ reason: 'session-unknown' });
  });
});
