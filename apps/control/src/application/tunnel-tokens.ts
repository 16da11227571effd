import { ok, type Result } from '@sallyport/result';
import type { ClockAndIds } from '../ports/clock-and-ids.ts';
import type { Routes } from '../ports/routes.ts';
import type { TunnelDirectory } from '../ports/tunnel-directory.ts';
import type { TunnelSecrets } from '../ports/tunnel-secrets.ts';
import type { ChangeTunnel, ChangeTunnelRefusal } from './change-tunnel.ts';

export interface TunnelToken {
  readonly tokenId: string;
  readonly token: string;
}

type Caller = { readonly actorId: string; readonly workspaceId: string };

/** The token of a tunnel, in the form that `cloudflared --token` takes: account tag, secret and tunnel UUID. */
export class TunnelTokens {
  readonly #change: ChangeTunnel;
  readonly #secrets: TunnelSecrets;
  readonly #ids: ClockAndIds;
  readonly #directory: TunnelDirectory;

  constructor(change: ChangeTunnel, secrets: TunnelSecrets, ids: ClockAndIds, directory: TunnelDirectory) {
    this.#change = change;
    this.#secrets = secrets;
    this.#ids = ids;
    this.#directory = directory;
  }

  /** The same token each time until it is rotated. Each reveal is an audit event, written before the token is given out. */
  async reveal(caller: Caller, tunnelId: string): Promise<Result<TunnelToken, ChangeTunnelRefusal>> {
    const tunnel = await this.#change.run(caller, tunnelId, { type: 'RevealToken', atMs: this.#ids.nowMs() });
    if (!tunnel.ok) return tunnel;
    const { tokenId, sealedToken } = tunnel.value;
    return ok(await this.#token(caller, tunnelId, tokenId, this.#secrets.open(tunnelId, sealedToken)));
  }

  /** The old token is refused for new connections from now on; running connections stay. */
  async rotate(
    caller: Caller,
    tunnelId: string,
    reason: string | null,
  ): Promise<Result<TunnelToken, ChangeTunnelRefusal>> {
    const { secret, sealed, sha256 } = this.#secrets.make(tunnelId);
    const tokenId = this.#ids.uuid();
    const command = {
      type: 'RotateToken',
      tokenId,
      sealedToken: sealed,
      tokenSha256: sha256,
      reason,
      atMs: this.#ids.nowMs(),
    } as const;
    const rotated = await this.#change.run(caller, tunnelId, command);
    return rotated.ok ? ok(await this.#token(caller, tunnelId, tokenId, secret)) : rotated;
  }

  async #token(caller: Caller, tunnelId: string, tokenId: string, secret: string): Promise<TunnelToken> {
    const parts = { a: caller.workspaceId, s: secret, t: await this.#directory.uuid(tunnelId) };
    return { tokenId, token: Buffer.from(JSON.stringify(parts)).toString('base64') };
  }
}

export type TokenVerdict =
  | { readonly kind: 'accepted'; readonly tunnelId: string }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'archived' };

/** Answers the edge's one question. */
export class CheckTunnelToken {
  readonly #routes: Routes;
  readonly #matches: (secret: Uint8Array, sha256: Uint8Array) => boolean;

  /** `matches` compares in constant time. */
  constructor(routes: Routes, matches: (secret: Uint8Array, sha256: Uint8Array) => boolean) {
    this.#routes = routes;
    this.#matches = matches;
  }

  async run(presented: {
    readonly uuid: string;
    readonly accountTag: string;
    readonly secret: Uint8Array;
  }): Promise<TokenVerdict> {
    const known = await this.#routes.tunnelToken(presented.uuid);
    if (
      known === undefined ||
      known.accountTag !== presented.accountTag ||
      !this.#matches(presented.secret, known.secretSha256)
    ) {
      return { kind: 'unknown' };
    }
    return known.archived ? { kind: 'archived' } : { kind: 'accepted', tunnelId: known.tunnelId };
  }
}
