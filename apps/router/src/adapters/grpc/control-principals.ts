import { createHash } from 'node:crypto';
import { callUnary } from '@sallyport/grpc';
import { fail, ok, type Result } from '@sallyport/result';
import { type Principal, type PrincipalRefusal, Principals } from '../../ports/principals.ts';
import type { ControlClient, RememberedAnswers } from './control-client.ts';

const resolveMsMax = 2_000;

export class ControlPrincipals extends Principals {
  readonly #control: ControlClient;
  readonly #answers: RememberedAnswers<Principal, 'credential_unknown'>;

  constructor(control: ControlClient) {
    super();
    this.#control = control;
    this.#answers = control.remembered();
  }

  override resolve(credential: string): Promise<Result<Principal, PrincipalRefusal>> {
    const credentialSha256 = createHash('sha256').update(credential).digest();
    return this.#answers.get(credentialSha256.toString('latin1'), async () => {
      const { routes } = this.#control;
      const options = { deadlineMs: resolveMsMax, waitForReady: true };
      const { revision, principal } = await callUnary(
        routes.resolvePrincipal.bind(routes),
        { credentialSha256 },
        options,
      );
      return { revision, answer: principal === undefined ? fail('credential_unknown') : ok(principal) };
    });
  }
}
