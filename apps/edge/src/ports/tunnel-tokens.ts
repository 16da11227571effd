import type { Result } from '@sallyport/result';

/** The three parts of a tunnel token, as a connector presents them. The secret reaches no log. */
export interface PresentedToken {
  readonly accountTag: string;
  readonly tunnelUuid: string;
  readonly tunnelSecret: Buffer;
}

/** Says whose token it is. `unavailable`: the answer is not known, the connector should try again. */
export abstract class TunnelTokens {
  abstract check(
    token: PresentedToken,
  ): Promise<Result<{ readonly tunnelId: string }, 'unknown' | 'archived' | 'unavailable'>>;
}
