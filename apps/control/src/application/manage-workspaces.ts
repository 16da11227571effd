import { fail, ok, type Result } from '@sallyport/result';
import { type Credential, type CredentialScope, mayGrant } from '../domain/credential.ts';
import { parsePolicyRules, type PolicyRefusal } from '../domain/policy.ts';
import type { ClockAndIds } from '../ports/clock-and-ids.ts';
import type { ApiKeyView, Policy, Workspaces } from '../ports/workspaces.ts';

const secretBytes = 32;

/** Makes a key and gives its secret once; only the hash is kept. */
export class CreateApiKey {
  readonly #workspaces: Workspaces;
  readonly #ids: ClockAndIds;
  readonly #sha256: (text: string) => Buffer;

  constructor(workspaces: Workspaces, ids: ClockAndIds, sha256: (text: string) => Buffer) {
    this.#workspaces = workspaces;
    this.#ids = ids;
    this.#sha256 = sha256;
  }

  async run(
    creator: Credential,
    wanted: { readonly workspaceId: string; readonly name: string; readonly scopes: readonly CredentialScope[] },
  ): Promise<Result<{ readonly key: ApiKeyView; readonly secret: string }, 'scope-not-yours' | 'workspace-unknown'>> {
    if (!mayGrant(creator, wanted.scopes)) return fail('scope-not-yours');
    if (!(await this.#workspaces.exists(wanted.workspaceId))) return fail('workspace-unknown');
    const secret = `sk-sallyport-${this.#ids.secret(secretBytes)}`;
    const key = await this.#workspaces.addApiKey(creator.apiKeyId, {
      ...wanted,
      apiKeyId: this.#ids.id('apikey'),
      sha256: this.#sha256(secret),
    });
    return ok({ key, secret });
  }
}

export class ChangePolicy {
  readonly #workspaces: Workspaces;
  readonly #canonicalSha256: (value: unknown) => string;

  constructor(workspaces: Workspaces, canonicalSha256: (value: unknown) => string) {
    this.#workspaces = workspaces;
    this.#canonicalSha256 = canonicalSha256;
  }

  async run(actor: Credential, workspaceId: string, rules: unknown): Promise<Result<Policy, PolicyRefusal>> {
    const parsed = parsePolicyRules(rules);
    if (!parsed.ok) return parsed;
    return ok(
      await this.#workspaces.changePolicy(
        actor.apiKeyId,
        workspaceId,
        parsed.value,
        this.#canonicalSha256(parsed.value),
      ),
    );
  }
}
