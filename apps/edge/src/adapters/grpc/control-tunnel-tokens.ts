import { identity } from '@sallyport/contracts';
import { callUnary, type GrpcChannel } from '@sallyport/grpc';
import { type Result, fail, ok } from '@sallyport/result';

import { type PresentedToken, TunnelTokens } from '../../ports/tunnel-tokens.ts';

/** Below the 5 s that a connector waits for its registration. */
const deadlineMs = 4_000;

/** Asks control: the one RPC that an edge may call. */
export class ControlTunnelTokens extends TunnelTokens {
  readonly #client: identity.TunnelTokenServiceClient;

  constructor(channel: GrpcChannel) {
    super();
    this.#client = new identity.TunnelTokenServiceClient(channel.address, channel.credentials, channel.options);
  }

  async check(
    token: PresentedToken,
  ): Promise<Result<{ readonly tunnelId: string }, 'unknown' | 'archived' | 'unavailable'>> {
    const { accountTag, tunnelUuid, tunnelSecret } = token;
    let response: identity.CheckTunnelTokenResponse;
    try {
      response = await callUnary(
        this.#client.checkTunnelToken.bind(this.#client),
        { accountTag, tunnelUuid, tunnelSecret },
        { deadlineMs, waitForReady: true },
      );
    } catch {
      return fail('unavailable');
    }
    switch (response.outcome?.$case) {
      case 'accepted':
        return ok({ tunnelId: response.outcome.value.tunnelId });
      case 'refused':
        return fail(response.outcome.value === identity.TunnelTokenRefusal.ARCHIVED ? 'archived' : 'unknown');
      default:
        return fail('unavailable');
    }
  }
}
