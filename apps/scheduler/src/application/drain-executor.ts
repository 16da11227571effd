import { fail, ok, type Result } from '@sallyport/result';
import type { ExecutorLink } from '../ports/executor-link.ts';
import type { ExecutorTrail } from '../ports/executor-trail.ts';
import type { ConnectedExecutors } from './connected-executors.ts';
import type { EnvironmentChangeRefusal, ManageEnvironments } from './manage-environments.ts';

export interface NamedExecutor {
  readonly workspaceId: string;
  readonly environmentId: string;
  readonly executorId: string;
}

/** Lets an executor finish its calls and leave, for work on its host. It gets no more work from now on. */
export class DrainExecutor {
  readonly #environments: ManageEnvironments;
  readonly #executors: ConnectedExecutors;
  readonly #trail: ExecutorTrail;
  readonly #link: ExecutorLink;

  constructor(
    environments: ManageEnvironments,
    executors: ConnectedExecutors,
    trail: ExecutorTrail,
    link: ExecutorLink,
  ) {
    this.#environments = environments;
    this.#executors = executors;
    this.#trail = trail;
    this.#link = link;
  }

  async run(
    actorId: string,
    { workspaceId, environmentId, executorId }: NamedExecutor,
  ): Promise<Result<void, EnvironmentChangeRefusal | 'executor_not_connected'>> {
    const found = await this.#environments.find(workspaceId, environmentId);
    if (!found.ok) return found;
    if (found.value.workspaceId !== workspaceId) return fail('environment_not_yours');
    const executor = this.#executors
      .inEnvironment(environmentId)
      .find(({ identity }) => identity.executorId === executorId);
    if (executor === undefined) return fail('executor_not_connected');
    await this.#trail.drained(actorId, executor.identity);
    this.#executors.drain(executorId);
    return this.#link.drain(executorId) ? ok(undefined) : fail('executor_not_connected');
  }
}
