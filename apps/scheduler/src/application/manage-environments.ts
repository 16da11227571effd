import { handleCommand } from '@sallyport/event-sourcing';
import { fail, ok, type Result } from '@sallyport/result';
import { type EnvironmentFacts, environmentDecider } from '../domain/environment.ts';
import type { ClockAndIds } from '../ports/clock-and-ids.ts';
import type { Environments, EnvironmentView } from '../ports/environments.ts';

export type EnvironmentChangeRefusal = 'environment_not_found' | 'environment_not_yours' | 'contended';

/** Whether sessions of the workspace may be in the environment. */
export function mayUse(workspaceId: string, environment: EnvironmentView): boolean {
  return environment.organization || environment.workspaceId === workspaceId;
}

export class ManageEnvironments {
  readonly #environments: Environments;
  readonly #ids: ClockAndIds;

  constructor(environments: Environments, ids: ClockAndIds) {
    this.#environments = environments;
    this.#ids = ids;
  }

  async create(actorId: string, facts: EnvironmentFacts): Promise<Result<EnvironmentView, EnvironmentChangeRefusal>> {
    const environmentId = this.#ids.id('env');
    const command = { type: 'CreateEnvironment', facts, atMs: this.#ids.nowMs() } as const;
    const created = await handleCommand(this.#environments.as(actorId), environmentDecider, environmentId, command);
    return created.ok ? this.find(facts.workspaceId, environmentId) : fail('contended');
  }

  /** Another workspace's environment does not exist, unless it is open to all. */
  async find(workspaceId: string, environmentId: string): Promise<Result<EnvironmentView, EnvironmentChangeRefusal>> {
    const view = await this.#environments.find(environmentId);
    return view !== undefined && mayUse(workspaceId, view) ? ok(view) : fail('environment_not_found');
  }

  async archive(
    actorId: string,
    workspaceId: string,
    environmentId: string,
  ): Promise<Result<EnvironmentView, EnvironmentChangeRefusal>> {
    const found = await this.find(workspaceId, environmentId);
    if (!found.ok) return found;
    if (found.value.workspaceId !== workspaceId) return fail('environment_not_yours');
    const command = { type: 'ArchiveEnvironment', atMs: this.#ids.nowMs() } as const;
    const archived = await handleCommand(this.#environments.as(actorId), environmentDecider, environmentId, command);
    return archived.ok ? this.find(workspaceId, environmentId) : fail('contended');
  }
}
