import { sandbox } from '@sallyport/contracts';
import type { RestAnswer } from '@sallyport/nest-runtime';
import type { EnvironmentKeyView } from '../../ports/environment-keys.ts';
import type { EnvironmentAnswer, EnvironmentRefusal } from '../../ports/environments.ts';
import { json, refusal } from './api-answer.ts';

const statuses: Record<EnvironmentRefusal['kind'], number> = {
  not_found: 404,
  not_possible: 400,
  too_many: 429,
  contended: 409,
  unavailable: 503,
};

const sessionStatuses: Partial<Record<sandbox.SessionStatus, string>> = {
  [sandbox.SessionStatus.IDLE]: 'idle',
  [sandbox.SessionStatus.RUNNING]: 'running',
  [sandbox.SessionStatus.TERMINATED]: 'terminated',
};

export function environmentRefusal({ kind, code, sentence }: EnvironmentRefusal): RestAnswer {
  const headers = kind === 'unavailable' || kind === 'too_many' ? { 'retry-after': '2' } : {};
  return refusal(statuses[kind], code, sentence, headers);
}

export async function environmentAnswer<Value>(
  asked: EnvironmentAnswer<Value>,
  toJson: (value: Value) => unknown,
): Promise<RestAnswer> {
  const answered = await asked;
  return answered.ok ? json(toJson(answered.value)) : environmentRefusal(answered.reason);
}

export function environmentJson(environment: sandbox.Environment) {
  return {
    id: environment.environmentId,
    type: 'environment',
    name: environment.name,
    description: orNull(environment.description),
    config: { type: 'self_hosted' },
    metadata: environment.metadata,
    scope: environment.organization ? 'organization' : 'account',
    created_at: timeOrNull(environment.createdAtMs),
    updated_at: timeOrNull(environment.updatedAtMs) ?? timeOrNull(environment.createdAtMs),
    archived_at: timeOrNull(environment.archivedAtMs),
    sallyport: { placement: placementJson(environment.placement) },
  };
}

/** What is not set says what holds then; null where anything does, or the executor's default. */
function placementJson(placement: sandbox.PlacementRules | undefined) {
  return {
    tier: placement?.tier || 'namespace',
    region: orNull(placement?.region),
    runtime: placement?.runtime || 'host',
    labels: placement?.labels ?? {},
    memory_mib: orNull(placement?.memoryMib),
    pids: orNull(placement?.pids),
    cpu_millis: orNull(placement?.cpuMillis),
    workspace_mib: orNull(placement?.workspaceMib),
  };
}

export function environmentKeyJson(key: EnvironmentKeyView) {
  return {
    id: key.environmentKeyId,
    type: 'environment_key',
    environment_id: key.environmentId,
    name: key.name,
    created_at: key.createdAt.toISOString(),
    revoked_at: key.revokedAt?.toISOString() ?? null,
  };
}

export function queueJson(environmentId: string, queue: sandbox.GetQueueResponse) {
  return {
    type: 'environment_queue',
    environment_id: environmentId,
    waiting: queue.waiting,
    oldest_queued_at: timeOrNull(queue.oldestQueuedAtMs),
    leased: queue.leased,
    executors: queue.executors.map((executor) => ({
      id: executor.executorId,
      version: executor.version,
      tier: executor.tier,
      region: orNull(executor.region),
      slots: executor.slots,
      leases: executor.leases,
      draining: executor.draining,
      connected_at: timeOrNull(executor.connectedAtMs),
    })),
  };
}

/** The public API's session, of which we have no agent: what it brings there is empty here, never missing. */
export function sessionJson(session: sandbox.Session) {
  return {
    id: session.sessionId,
    type: 'session',
    agent: null,
    environment_id: session.environmentId,
    status: sessionStatuses[session.status] ?? 'idle',
    title: orNull(session.title),
    metadata: session.metadata,
    resources: [],
    vault_ids: [],
    outcome_evaluations: [],
    stats: {},
    usage: {},
    budget: null,
    created_at: timeOrNull(session.createdAtMs),
    updated_at: timeOrNull(session.updatedAtMs) ?? timeOrNull(session.createdAtMs),
    archived_at: timeOrNull(session.archivedAtMs),
    sallyport: { mcp_path: `/v1/sessions/${session.sessionId}/mcp` },
  };
}

export function sessionEventJson(event: sandbox.SessionEvent) {
  const detail: unknown = event.detailJson === '' ? {} : JSON.parse(event.detailJson);
  return { ...(detail as object), id: event.eventId, type: event.type, processed_at: timeOrNull(event.atMs) };
}

function orNull<Value extends string | number>(value: Value | undefined): Value | null {
  return value === undefined || value === '' || value === 0 ? null : value;
}

/** Zero stands for never. */
function timeOrNull(ms: bigint): string | null {
  return ms === 0n ? null : new Date(Number(ms)).toISOString();
}
