import type { sendUnaryData } from '@grpc/grpc-js';
import { auditTopic } from '@sallyport/audit-events';
import { audit } from '@sallyport/contracts';
import { type GrpcFailure, type GrpcService, serviceName } from '@sallyport/grpc';
import type { ExportLogs } from '../../application/export-logs.ts';
import type { FollowEvents } from '../../application/follow-events.ts';
import type { ListEvents } from '../../application/list-events.ts';
import type { ListLogs, LogState } from '../../application/list-logs.ts';
import type { EventProof, ProveCall } from '../../application/prove-call.ts';
import type { RebuildLedger } from '../../application/rebuild-ledger.ts';
import type { LedgerEvent, LedgerReader } from '../../ports/ledger-reader.ts';
import { isSearchText, readListRequest } from './event-requests.ts';
import { serveStream } from './serve-stream.ts';
import {
  badRequest,
  fellBehind,
  foreseenFailure,
  notFound,
  proveFailure,
  rebuildFailure,
  unexpectedFailure,
} from './to-status.ts';

const backlogMax = 1_000;
const fileBytesPerMessageMax = 1_048_576;

export interface AuditUseCases {
  readonly listEvents: ListEvents;
  readonly followEvents: FollowEvents;
  readonly reader: LedgerReader;
  readonly proveCall: ProveCall;
  readonly exportLogs: ExportLogs;
  readonly listLogs: ListLogs;
  readonly rebuildLedger: RebuildLedger;
}

/** The RPCs of proto/sallyport/audit/v1. Control alone may call them; it knows which workspace a reader may see. */
export function auditService(useCases: AuditUseCases, onBug: (error: unknown, where: string) => void): GrpcService {
  const failed = (where: string) => (error: unknown) => {
    const foreseen = foreseenFailure(error);
    if (foreseen !== undefined) return foreseen;
    onBug(error, where);
    return unexpectedFailure(error);
  };
  const implementation: audit.AuditServiceServer = {
    listEvents: ({ request }, callback) => answer(callback, listEvents(useCases, request), failed('ListEvents')),
    getCall: ({ request }, callback) => answer(callback, getCall(useCases, request), failed('GetCall')),
    proveCall: ({ request }, callback) => answer(callback, proveCall(useCases, request), failed('ProveCall')),
    listLogs: (_call, callback) => answer(callback, listLogs(useCases), failed('ListLogs')),
    tailEvents: (call) =>
      void serveStream(call, (send, signal) => tailEvents(useCases, call.request, send, signal), failed('TailEvents')),
    exportTiles: (call) => void serveStream(call, (send) => exportTiles(useCases, send), failed('ExportTiles')),
    rebuildLedger: (call) =>
      void serveStream(call, (send, signal) => rebuildLedger(useCases, send, signal), failed('RebuildLedger')),
  };
  const callers = [serviceName.control];
  return {
    definition: audit.AuditServiceService,
    implementation,
    callers: Object.fromEntries(Object.keys(audit.AuditServiceService).map((name) => [name, callers])),
  };
}

class Refusal {
  readonly failure: GrpcFailure;
  constructor(failure: GrpcFailure) {
    this.failure = failure;
  }
}

function answer<Response>(
  callback: sendUnaryData<Response>,
  work: Promise<Response | Refusal>,
  failed: (error: unknown) => GrpcFailure,
): void {
  work.then(
    (response) => (response instanceof Refusal ? callback(response.failure) : callback(null, response)),
    (error: unknown) => callback(failed(error)),
  );
}

async function listEvents(
  { listEvents: list }: AuditUseCases,
  request: audit.ListEventsRequest,
): Promise<audit.ListEventsResponse | Refusal> {
  const wanted = readListRequest(request);
  if (!wanted.ok) return new Refusal(badRequest(wanted.reason));
  const page = await list.run(wanted.value);
  if (!page.ok) return new Refusal(badRequest(page.reason));
  return { events: page.value.events.map(toMessage), nextPage: page.value.nextPage };
}

async function getCall(
  { reader }: AuditUseCases,
  { workspaceId, callId }: audit.GetCallRequest,
): Promise<audit.GetCallResponse | Refusal> {
  if (callId === '' || !isSearchText(callId) || !isSearchText(workspaceId)) return new Refusal(badRequest('call_id'));
  const events = await reader.call(auditTopic.toolcall, workspaceId, callId);
  return events.length === 0 ? new Refusal(notFound) : { events: events.map(toMessage) };
}

async function proveCall(
  { proveCall: prove }: AuditUseCases,
  { workspaceId, callId }: audit.ProveCallRequest,
): Promise<audit.ProveCallResponse | Refusal> {
  if (callId === '' || !isSearchText(callId) || !isSearchText(workspaceId)) return new Refusal(badRequest('call_id'));
  const proofs = await prove.run(workspaceId, callId);
  return proofs.ok ? { proofs: proofs.value.map(proofMessage) } : new Refusal(proveFailure(proofs.reason));
}

async function listLogs({ listLogs: list }: AuditUseCases): Promise<audit.ListLogsResponse> {
  return { logs: (await list.run()).map(logMessage) };
}

async function tailEvents(
  { followEvents }: AuditUseCases,
  { workspaceId, backlog }: audit.TailEventsRequest,
  send: (message: audit.TailEventsResponse) => Promise<void>,
  signal: AbortSignal,
): Promise<GrpcFailure | undefined> {
  if (backlog > backlogMax) return badRequest('backlog');
  if (!isSearchText(workspaceId)) return badRequest('workspace_id');
  const events = followEvents.run(workspaceId, backlog, signal);
  for (;;) {
    const next = await events.next();
    if (next.done === true) return next.value === 'fell-behind' ? fellBehind : undefined;
    for (const event of next.value) await send({ event: toMessage(event) });
  }
}

async function exportTiles(
  { exportLogs }: AuditUseCases,
  send: (message: audit.ExportTilesResponse) => Promise<void>,
): Promise<undefined> {
  for await (const { path, data } of exportLogs.run()) {
    // An empty file is sent too: its path says that it is there.
    for (let at = 0; at === 0 || at < data.length; at += fileBytesPerMessageMax)
      await send({ path, data: Buffer.from(data.subarray(at, at + fileBytesPerMessageMax)) });
  }
}

async function rebuildLedger(
  { rebuildLedger: rebuild }: AuditUseCases,
  send: (message: audit.RebuildLedgerResponse) => Promise<void>,
  signal: AbortSignal,
): Promise<GrpcFailure | undefined> {
  const done = await rebuild.run(
    (progress) =>
      send({
        origin: progress.origin,
        leavesDone: BigInt(progress.leavesDone),
        leavesTotal: BigInt(progress.leavesTotal),
        checkpointsCompared: BigInt(progress.checkpointsCompared),
        rootHex: Buffer.from(progress.root).toString('hex'),
        swapped: progress.swapped,
      }),
    signal,
  );
  return done.ok ? undefined : rebuildFailure(done.reason);
}

function toMessage({ origin, leafIndex, envelope }: LedgerEvent): audit.LedgerEvent {
  return { origin, leafIndex: BigInt(leafIndex), envelope };
}

function proofMessage({ event, checkpoint, path, vkey }: EventProof): audit.EventProof {
  return {
    event: toMessage(event),
    checkpoint: checkpoint.note,
    treeSize: BigInt(checkpoint.size),
    inclusionPath: path.map((hash) => Buffer.from(hash)),
    vkey,
  };
}

function logMessage({ log, vkey, signed }: LogState): audit.LogState {
  return {
    topic: log.topic,
    origin: log.origin,
    vkey,
    size: BigInt(log.position.frontier.size),
    rootHex: Buffer.from(log.position.frontier.root()).toString('hex'),
    signedSize: BigInt(signed?.size ?? 0),
    signedRootHex: signed === undefined ? '' : Buffer.from(signed.root).toString('hex'),
    checkpoint: signed?.note ?? '',
    nextOffset: log.position.nextOffset,
  };
}
