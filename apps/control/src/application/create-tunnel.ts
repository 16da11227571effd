import { handleCommand } from '@sallyport/event-sourcing';
import { fail, ok, type Result } from '@sallyport/result';
import { tunnelDecider, type TunnelMode } from '../domain/tunnel.ts';
import type { ClockAndIds } from '../ports/clock-and-ids.ts';
import type { TunnelDirectory, TunnelView } from '../ports/tunnel-directory.ts';
import type { TunnelSecrets } from '../ports/tunnel-secrets.ts';
import type { TunnelStreams } from '../ports/tunnel-streams.ts';

export interface NewTunnel {
  readonly workspaceId: string;
  readonly displayName: string | null;
  readonly mode: TunnelMode;
  readonly routerUnauthenticated: boolean;
}

const labelCharacters = 16;

export class CreateTunnel {
  readonly #streams: TunnelStreams;
  readonly #directory: TunnelDirectory;
  readonly #secrets: TunnelSecrets;
  readonly #ids: ClockAndIds;
  readonly #limits: { readonly domainSuffix: string; readonly activeTunnelsMax: number };

  constructor(
    streams: TunnelStreams,
    directory: TunnelDirectory,
    secrets: TunnelSecrets,
    ids: ClockAndIds,
    limits: { readonly domainSuffix: string; readonly activeTunnelsMax: number },
  ) {
    this.#streams = streams;
    this.#directory = directory;
    this.#secrets = secrets;
    this.#ids = ids;
    this.#limits = limits;
  }

  /** Each call makes a new tunnel. Two calls at the same moment may exceed the limit by one: it bounds cost, it is no security boundary. */
  async run(actorId: string, wanted: NewTunnel): Promise<Result<TunnelView, 'too-many-tunnels' | 'contended'>> {
    if ((await this.#directory.activeTunnels(wanted.workspaceId)) >= this.#limits.activeTunnelsMax)
      return fail('too-many-tunnels');
    const tunnelId = this.#ids.id('tnl');
    const { sealed, sha256 } = this.#secrets.make(tunnelId);
    const created = await handleCommand(this.#streams.as(actorId), tunnelDecider, tunnelId, {
      type: 'CreateTunnel',
      ...wanted,
      tunnelId,
      uuid: this.#ids.uuid(),
      domain: `${this.#ids.label(labelCharacters)}.${this.#limits.domainSuffix}`,
      tokenId: this.#ids.uuid(),
      sealedToken: sealed,
      tokenSha256: sha256,
      atMs: this.#ids.nowMs(),
    });
    if (!created.ok) return fail('contended');
    const view = await this.#directory.tunnel(wanted.workspaceId, tunnelId);
    if (view === undefined) throw new Error(`tunnel ${tunnelId} was made and cannot be read`);
    return ok(view);
  }
}
