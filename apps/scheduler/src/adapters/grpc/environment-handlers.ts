import type { sendUnaryData, ServerUnaryCall } from '@grpc/grpc-js';
import { sandbox as wire } from '@sallyport/contracts';
import { type GrpcService, serviceName } from '@sallyport/grpc';
import type { Result } from '@sallyport/result';
import type { Logger } from '@sallyport/telemetry';
import type { ConnectedExecutors } from '../../application/connected-executors.ts';
import type { DrainExecutor } from '../../application/drain-executor.ts';
import type { ManageEnvironments } from '../../application/manage-environments.ts';
import type { ManageSessions } from '../../application/manage-sessions.ts';
import type { Environments } from '../../ports/environments.ts';
import type { Sessions } from '../../ports/sessions.ts';
import type { WorkQueue } from '../../ports/work-queue.ts';
import { readEnvironmentFacts, readPage, readSessionFacts, toEnvironment, toSession } from './environment-messages.ts';
import { brokenFailure, changeFailure } from './to-status.ts';

export interface EnvironmentParts {
  readonly environments: ManageEnvironments;
  readonly sessions: ManageSessions;
  readonly environmentViews: Environments;
  readonly sessionViews: Sessions;
  readonly queue: WorkQueue;
  readonly executors: ConnectedExecutors;
  readonly drain: DrainExecutor;
  readonly log: Logger;
}

type Refusal = Parameters<typeof changeFailure>[0];
const badRequest = { ok: false, reason: 'bad_request' } as const;
const [listMax, listDefault, historyMax, historyDefault] = [100, 20, 1_000, 100];

/** Environments and sessions, for control. */
export function environmentService(parts: EnvironmentParts): GrpcService {
  const { environments, sessions, environmentViews, sessionViews, queue, executors } = parts;
  const answer = unary(parts.log);
  const implementation: wire.EnvironmentServiceServer = {
    createEnvironment: answer(async (request) => {
      const facts = readEnvironmentFacts(request);
      if (facts === undefined) return badRequest;
      return reply(await environments.create(request.actorId, facts), toEnvironment, 'environment');
    }),
    getEnvironment: answer(async ({ workspaceId, environmentId }) =>
      reply(await environments.find(workspaceId, environmentId), toEnvironment, 'environment'),
    ),
    listEnvironments: answer(async (request) => {
      const page = readPage(request, listDefault, listMax);
      if (page === undefined) return badRequest;
      const { workspaceId, includeArchived } = request;
      const found = await environmentViews.page({ ...page, workspaceId, includeArchived });
      return { ok: true, value: { environments: found.views.map(toEnvironment), nextPage: text(found.next) } };
    }),
    archiveEnvironment: answer(async ({ actorId, workspaceId, environmentId }) =>
      reply(await environments.archive(actorId, workspaceId, environmentId), toEnvironment, 'environment'),
    ),
    drainExecutor: answer(async ({ actorId, ...named }) => {
      const drained = await parts.drain.run(actorId, named);
      return drained.ok ? { ok: true, value: {} } : drained;
    }),
    ...sessionHandlers(sessions, sessionViews, answer),
    getQueue: answer(async ({ workspaceId, environmentId }) => {
      const found = await environments.find(workspaceId, environmentId);
      if (!found.ok) return found;
      const { waiting, leased, oldestQueuedAtMs } = await queue.depth(environmentId);
      const connected = executors.inEnvironment(environmentId).map((executor) => ({
        executorId: executor.identity.executorId,
        version: executor.description.version,
        tier: executor.description.tier,
        region: executor.description.region,
        slots: executor.description.slots,
        leases: executor.leases,
        draining: executor.isDraining,
        connectedAtMs: BigInt(executor.connectedAtMs),
      }));
      return {
        ok: true,
        value: { waiting, leased, oldestQueuedAtMs: BigInt(oldestQueuedAtMs), executors: connected },
      };
    }),
  };
  const callers = Object.fromEntries(Object.keys(implementation).map((name) => [name, [serviceName.control]]));
  return { definition: wire.EnvironmentServiceService, implementation, callers };
}

type SessionHandler = 'createSession' | 'getSession' | 'listSessions' | 'archiveSession' | 'listSessionEvents';

function sessionHandlers(
  sessions: ManageSessions,
  sessionViews: Sessions,
  answer: ReturnType<typeof unary>,
): Pick<wire.EnvironmentServiceServer, SessionHandler> {
  return {
    createSession: answer(async (request) => {
      const facts = readSessionFacts(request);
      if (facts === undefined) return badRequest;
      return reply(await sessions.create(request.actorId, facts), toSession, 'session');
    }),
    getSession: answer(async ({ workspaceId, sessionId }) =>
      reply(await sessions.find(workspaceId, sessionId), toSession, 'session'),
    ),
    listSessions: answer(async (request) => {
      const page = readPage(request, listDefault, listMax);
      if (page === undefined) return badRequest;
      const { workspaceId, includeArchived } = request;
      const environmentId = request.environmentId === '' ? undefined : request.environmentId;
      const found = await sessionViews.page({ ...page, workspaceId, includeArchived, environmentId });
      return { ok: true, value: { sessions: found.views.map(toSession), nextPage: text(found.next) } };
    }),
    archiveSession: answer(async ({ actorId, workspaceId, sessionId }) =>
      reply(await sessions.archive(actorId, workspaceId, sessionId), toSession, 'session'),
    ),
    listSessionEvents: answer(async (request) => {
      const page = readPage(request, historyDefault, historyMax);
      if (page === undefined) return badRequest;
      const found = await sessions.find(request.workspaceId, request.sessionId);
      if (!found.ok) return found;
      const { views, next } = await sessionViews.history(request.sessionId, page.limit, page.before);
      const events = views.map(({ eventId, type, atMs, detail }) => ({
        eventId,
        type,
        atMs: BigInt(atMs),
        detailJson: JSON.stringify(detail),
      }));
      return { ok: true, value: { events, nextPage: text(next) } };
    }),
  };
}

/** A handler that answers, refuses, or fails with a status that says which. */
function unary(log: Logger) {
  return <Request, Response>(handle: (request: Request) => Promise<Result<Response, Refusal>>) =>
    (call: ServerUnaryCall<Request, Response>, callback: sendUnaryData<Response>): void => {
      handle(call.request).then(
        (result) => (result.ok ? callback(null, result.value) : callback(changeFailure(result.reason))),
        (error: unknown) => {
          log.error({ err: error }, 'a request about environments or sessions failed');
          callback(brokenFailure(error));
        },
      );
    };
}

function reply<View, Message, Name extends string>(
  result: Result<View, Refusal>,
  toMessage: (view: View) => Message,
  name: Name,
): Result<Record<Name, Message>, Refusal> {
  if (!result.ok) return result;
  return { ok: true, value: { [name]: toMessage(result.value) } as Record<Name, Message> };
}

function text(next: bigint | undefined): string {
  return next === undefined ? '' : next.toString();
}
