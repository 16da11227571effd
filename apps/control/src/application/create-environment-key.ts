import { fail, ok, type Result } from '@sallyport/result';
import type { ClockAndIds } from '../ports/clock-and-ids.ts';
import type { EnvironmentKeys, EnvironmentKeyView } from '../ports/environment-keys.ts';
import type { EnvironmentRefusal, Environments } from '../ports/environments.ts';

const secretBytes = 32;

const notYours: EnvironmentRefusal = {
  kind: 'not_possible',
  code: 'environment_not_yours',
  sentence: 'The environment belongs to another workspace, which issues its keys.',
};

/** Makes a key for an environment that the workspace has, and gives its secret once; only the hash is kept. */
export class CreateEnvironmentKey {
  readonly #keys: EnvironmentKeys;
  readonly #environments: Environments;
  readonly #ids: ClockAndIds;
  readonly #sha256: (text: string) => Buffer;

  constructor(keys: EnvironmentKeys, environments: Environments, ids: ClockAndIds, sha256: (text: string) => Buffer) {
    this.#keys = keys;
    this.#environments = environments;
    this.#ids = ids;
    this.#sha256 = sha256;
  }

  async run(
    actorId: string,
    wanted: { readonly workspaceId: string; readonly environmentId: string; readonly name: string },
  ): Promise<Result<{ readonly key: EnvironmentKeyView; readonly secret: string }, EnvironmentRefusal>> {
    const { workspaceId, environmentId, name } = wanted;
    const environment = await this.#environments.getEnvironment({ workspaceId, environmentId });
    if (!environment.ok) return environment;
    // One that is open to all is not everybody's to staff: its executors see the sessions of every workspace.
    if (environment.value.workspaceId !== workspaceId) return fail(notYours);
    const secret = `ek-sallyport-${this.#ids.secret(secretBytes)}`;
    const environmentKeyId = this.#ids.id('envkey');
    const sha256 = this.#sha256(secret);
    const key = await this.#keys.add(actorId, { workspaceId, environmentId, name, environmentKeyId, sha256 });
    return ok({ key, secret });
  }
}
