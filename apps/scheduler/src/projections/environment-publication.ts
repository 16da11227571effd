import type { ControlEventBody } from '@sallyport/audit-events';
import type { EnvironmentEvent } from '../domain/environment.ts';

/** What the audit log is told of an environment's event. */
export function environmentPublication(
  workspaceId: string,
  environmentId: string,
  event: EnvironmentEvent,
): ControlEventBody {
  switch (event.type) {
    case 'EnvironmentCreated': {
      const { name, placement } = event.facts;
      const body = { workspaceId, environmentId, name: name.slice(0, 255), requiredTier: placement.tier };
      return { name: 'environment_created', body };
    }
    case 'EnvironmentArchived':
      return { name: 'environment_archived', body: { workspaceId, environmentId } };
  }
}
