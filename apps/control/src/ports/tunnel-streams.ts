import { EventStore } from '@sallyport/event-sourcing';
import type { TunnelEvent } from '../domain/tunnel.ts';

/** One stream per tunnel, named by its id. The projections and the audit event of an append are written with it. */
export abstract class TunnelStreams extends EventStore<TunnelEvent> {
  /** The same streams, with the credential that acts: audit events name it. */
  abstract as(actorId: string): EventStore<TunnelEvent>;
}
