import { sandbox as wire } from '@sallyport/contracts';
import type { EnvironmentFacts, PlacementRules } from '../../domain/environment.ts';
import type { SessionFacts } from '../../domain/session.ts';
import type { EnvironmentView } from '../../ports/environments.ts';
import type { SessionView } from '../../ports/sessions.ts';

const nameCharactersMax = 255;
const descriptionCharactersMax = 4_096;
const pairsMax = 16;
const keyCharactersMax = 64;
const valueCharactersMax = 512;
/** What one sandbox may ask for at most. */
const memoryMibMax = 1_048_576;
const pidsMax = 65_536;
const cpuMillisMax = 1_024_000;
const pageShape = /^\d{1,18}$/;

export function readEnvironmentFacts(request: wire.CreateEnvironmentRequest): EnvironmentFacts | undefined {
  const { workspaceId, name, description, metadata, organization } = request;
  const placement = readPlacement(request.placement);
  if (placement === undefined || workspaceId === '' || !arePairs(metadata)) return undefined;
  if (name === '' || name.length > nameCharactersMax || description.length > descriptionCharactersMax) return undefined;
  return { workspaceId, name, description, metadata, placement, organization };
}

export function readSessionFacts(request: wire.CreateSessionRequest): SessionFacts | undefined {
  const { workspaceId, environmentId, title, metadata } = request;
  if (workspaceId === '' || title.length > nameCharactersMax || !arePairs(metadata)) return undefined;
  return { workspaceId, environmentId, title, metadata };
}

/** An empty page is the first one. */
export function readPage(
  { limit, page }: { readonly limit: number; readonly page: string },
  limitDefault: number,
  limitMax: number,
): { readonly limit: number; readonly before: bigint | undefined } | undefined {
  if (limit > limitMax || (page !== '' && !pageShape.test(page))) return undefined;
  return { limit: limit === 0 ? limitDefault : limit, before: page === '' ? undefined : BigInt(page) };
}

function readPlacement(rules: wire.PlacementRules | undefined): PlacementRules | undefined {
  const { tier, region, runtime, labels, memoryMib, pids, cpuMillis, workspaceMib } = rules ?? noRules;
  if (tier !== '' && tier !== 'none' && tier !== 'namespace') return undefined;
  if (!arePairs(labels) || region.length > keyCharactersMax || runtime.length > keyCharactersMax) return undefined;
  if (memoryMib > memoryMibMax || workspaceMib > memoryMibMax || pids > pidsMax || cpuMillis > cpuMillisMax)
    return undefined;
  return {
    tier: tier === '' ? 'namespace' : tier,
    region,
    runtime: runtime === '' ? 'host' : runtime,
    labels,
    memoryMib,
    pids,
    cpuMillis,
    workspaceMib,
  };
}

const noRules: wire.PlacementRules = {
  tier: '',
  region: '',
  runtime: '',
  labels: {},
  memoryMib: 0,
  pids: 0,
  cpuMillis: 0,
  workspaceMib: 0,
};

function arePairs(pairs: Readonly<Record<string, string>>): boolean {
  const entries = Object.entries(pairs);
  return (
    entries.length <= pairsMax &&
    entries.every(([key, value]) => key.length <= keyCharactersMax && value.length <= valueCharactersMax)
  );
}

export function toEnvironment(view: EnvironmentView): wire.Environment {
  return {
    environmentId: view.environmentId,
    workspaceId: view.workspaceId,
    name: view.name,
    description: view.description,
    metadata: view.metadata,
    placement: { ...view.placement, labels: view.placement.labels },
    organization: view.organization,
    createdAtMs: BigInt(view.createdAtMs),
    updatedAtMs: BigInt(view.updatedAtMs),
    archivedAtMs: BigInt(view.archivedAtMs),
  };
}

const statuses = {
  idle: wire.SessionStatus.IDLE,
  running: wire.SessionStatus.RUNNING,
  terminated: wire.SessionStatus.TERMINATED,
} as const satisfies Record<SessionView['status'], wire.SessionStatus>;

export function toSession(view: SessionView): wire.Session {
  return {
    sessionId: view.sessionId,
    workspaceId: view.workspaceId,
    environmentId: view.environmentId,
    title: view.title,
    metadata: view.metadata,
    status: statuses[view.status],
    createdAtMs: BigInt(view.createdAtMs),
    updatedAtMs: BigInt(view.updatedAtMs),
    archivedAtMs: BigInt(view.archivedAtMs),
  };
}
