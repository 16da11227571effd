import { handleCommand } from '@sallyport/event-sourcing';
import { fail, ok, type Result } from '@sallyport/result';
import { type SessionFacts, sessionDecider } from '../domain/session.ts';
import type { ClockAndIds } from '../ports/clock-and-ids.ts';
import type { Environments } from '../ports/environments.ts';
import type { Sessions, SessionView } from '../ports/sessions.ts';
import type { Lanes } from './lanes.ts';
import { mayUse } from './manage-environments.ts';
import type { SessionDirectory } from './session-directory.ts';

export type SessionChangeRefusal = 'session_not_found' | 'environment_not_found' | 'environment_archived' | 'contended';

export class ManageSessions {
  readonly #sessions: Sessions;
  readonly #environments: Environments;
  readonly #ids: ClockAndIds;
  readonly #directory: SessionDirectory;
  readonly #lanes: Lanes;

  constructor(
    parts: {
      readonly sessions: Sessions;
      readonly environments: Environments;
      readonly directory: SessionDirectory;
      readonly lanes: Lanes;
    },
    ids: ClockAndIds,
  ) {
    this.#sessions = parts.sessions;
    this.#environments = parts.environments;
    this.#directory = parts.directory;
    this.#lanes = parts.lanes;
    this.#ids = ids;
  }

  async create(actorId: string, facts: SessionFacts): Promise<Result<SessionView, SessionChangeRefusal>> {
    const environment = await this.#environments.find(facts.environmentId);
    if (environment === undefined || !mayUse(facts.workspaceId, environment)) return fail('environment_not_found');
    const sessionId = this.#ids.id('sesn');
    const created = await handleCommand(this.#sessions.as(actorId), sessionDecider, sessionId, {
      type: 'CreateSession',
      facts,
      environmentArchived: environment.archivedAtMs > 0,
      atMs: this.#ids.nowMs(),
    });
    if (created.ok) return this.find(facts.workspaceId, sessionId);
    return fail(created.reason === 'environment-archived' ? 'environment_archived' : 'contended');
  }

  /** Another workspace's session does not exist. */
  async find(workspaceId: string, sessionId: string): Promise<Result<SessionView, SessionChangeRefusal>> {
    const view = await this.#sessions.find(sessionId);
    return view?.workspaceId === workspaceId ? ok(view) : fail('session_not_found');
  }

  /** Ends the session: calls that wait are refused, the one that runs loses its sandbox. */
  async archive(
    actorId: string,
    workspaceId: string,
    sessionId: string,
  ): Promise<Result<SessionView, SessionChangeRefusal>> {
    const found = await this.find(workspaceId, sessionId);
    if (!found.ok) return found;
    const command = { type: 'ArchiveSession', atMs: this.#ids.nowMs() } as const;
    const archived = await handleCommand(this.#sessions.as(actorId), sessionDecider, sessionId, command);
    if (!archived.ok) return fail('contended');
    this.#directory.forget(sessionId);
    this.#lanes.close(sessionId);
    return this.find(workspaceId, sessionId);
  }
}
