import { type CommandRefusal, handleCommand } from '@sallyport/event-sourcing';
import { fail, ok, type Result } from '@sallyport/result';
import { type LiveTunnel, type TunnelCommand, tunnelDecider, type TunnelRefusal } from '../domain/tunnel.ts';
import type { TunnelDirectory } from '../ports/tunnel-directory.ts';
import type { TunnelStreams } from '../ports/tunnel-streams.ts';

export type ChangeTunnelRefusal = CommandRefusal<TunnelRefusal>;

/** Sends a command to a tunnel of the caller's workspace; a foreign one does not exist for them. */
export class ChangeTunnel {
  readonly #streams: TunnelStreams;
  readonly #directory: TunnelDirectory;

  constructor(streams: TunnelStreams, directory: TunnelDirectory) {
    this.#streams = streams;
    this.#directory = directory;
  }

  async run(
    caller: { readonly actorId: string; readonly workspaceId: string },
    tunnelId: string,
    command: Exclude<TunnelCommand, { type: 'CreateTunnel' }>,
  ): Promise<Result<LiveTunnel, ChangeTunnelRefusal>> {
    if ((await this.#directory.tunnel(caller.workspaceId, tunnelId)) === undefined) return fail('tunnel-unknown');
    const changed = await handleCommand(this.#streams.as(caller.actorId), tunnelDecider, tunnelId, command);
    if (!changed.ok) return changed;
    return changed.value.status === 'none' ? fail('tunnel-unknown') : ok(changed.value);
  }
}
