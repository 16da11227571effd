import { type Result, fail, ok } from '@sallyport/result';

import type { RegistrationRefusal } from '../domain/registration-refusal.ts';
import type { PresentedToken, TunnelTokens } from '../ports/tunnel-tokens.ts';

/** What a connector presents, parsed: sizes are still its own claim. */
export interface RegistrationClaim extends PresentedToken {
  /** Undefined where it was not 16 bytes. */
  readonly connectorId: string | undefined;
  readonly features: readonly string[];
  readonly version: string;
  readonly architecture: string;
}

export interface RegistrationLimits {
  readonly connectionsPerTunnelMax: number;
}

/** Who is connected for a tunnel; the connection registry. */
export interface TunnelCensus {
  ofTunnel(tunnelId: string): readonly unknown[];
}

const labelCharactersMax = 128;
const featuresMax = 64;

/** Decides whether a connector may carry a tunnel's streams. Does not touch the registry: the connection joins it when its answer is sent. */
export class RegisterConnection {
  readonly #tokens: TunnelTokens;
  readonly #registry: TunnelCensus;
  readonly #limits: RegistrationLimits;
  #draining = false;

  constructor(tokens: TunnelTokens, registry: TunnelCensus, limits: RegistrationLimits) {
    this.#tokens = tokens;
    this.#registry = registry;
    this.#limits = limits;
  }

  /** From now on every connector is sent away, to come back later or elsewhere. */
  drain(): void {
    this.#draining = true;
  }

  async run(
    claim: RegistrationClaim,
  ): Promise<Result<{ readonly tunnelId: string; readonly connectorId: string }, RegistrationRefusal>> {
    if (this.#draining) return fail('edge-draining');
    const { connectorId } = claim;
    if (connectorId === undefined || !isPlausible(claim)) return fail('registration-malformed');
    const checked = await this.#tokens.check(claim);
    if (!checked.ok) return fail(refusalByCheck[checked.reason]);
    if (this.#draining) return fail('edge-draining');
    const { tunnelId } = checked.value;
    if (this.#registry.ofTunnel(tunnelId).length >= this.#limits.connectionsPerTunnelMax) {
      return fail('too-many-connections-of-tunnel');
    }
    return ok({ tunnelId, connectorId });
  }
}

const refusalByCheck = {
  unknown: 'token-unknown',
  archived: 'tunnel-archived',
  unavailable: 'token-check-unavailable',
} as const satisfies Record<'unknown' | 'archived' | 'unavailable', RegistrationRefusal>;

/** The bounds of `CheckTunnelTokenRequest`, so that a stranger cannot make us send what control would refuse. */
function isPlausible(claim: RegistrationClaim): boolean {
  const labels = [claim.version, claim.architecture, ...claim.features];
  return (
    claim.tunnelUuid.length === 36 &&
    claim.accountTag.length > 0 &&
    claim.accountTag.length <= 255 &&
    claim.tunnelSecret.length >= 32 &&
    claim.tunnelSecret.length <= 256 &&
    claim.features.length <= featuresMax &&
    // oxlint-disable-next-line no-control-regex -- labels are shown to people and logged: nothing that moves a cursor
    labels.every((label) => label.length <= labelCharactersMax && !/[\u0000-\u001f\u007f]/.test(label))
  );
}
