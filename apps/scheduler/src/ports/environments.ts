import type { EventStore } from '@sallyport/event-sourcing';
import type { EnvironmentEvent, EnvironmentFacts } from '../domain/environment.ts';

export interface EnvironmentView extends EnvironmentFacts {
  readonly environmentId: string;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** 0 for never. */
  readonly archivedAtMs: number;
}

export interface PageRequest {
  readonly workspaceId: string;
  readonly limit: number;
  /** The position after which the page begins; undefined for the newest. */
  readonly before: bigint | undefined;
  readonly includeArchived: boolean;
}

export interface Page<View> {
  readonly views: readonly View[];
  readonly next: bigint | undefined;
}

/** Environments as they are now, and the streams that say how they came to be. */
export abstract class Environments {
  /** Changes are events of this actor in the audit log, written in the same transaction. */
  abstract as(actorId: string): EventStore<EnvironmentEvent>;
  abstract find(environmentId: string): Promise<EnvironmentView | undefined>;
  abstract page(request: PageRequest): Promise<Page<EnvironmentView>>;
}
