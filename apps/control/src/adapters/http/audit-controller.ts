import type { audit } from '@sallyport/contracts';
import { type RestAnswer, restController, type RestRequest } from '@sallyport/nest-runtime';
import { AuditReads } from '../../ports/audit-reads.ts';
import { AuditTrail } from '../../ports/audit-trail.ts';
import { json, jsonLines, refusal } from './api-answer.ts';
import { type Caller, Callers } from './callers.ts';
import { pageFields, queryText } from './request-fields.ts';

const pageLimits = { limitDefault: 100, limitMax: 1_000 };
const backlogMax = 1_000;

/**
 * The audit trail for people and SIEMs. A workspace's key sees its workspace; logs as a whole are for operators, but for their sizes and roots,
 * which every proof needs. Each read of events is itself an event.
 */
export class AuditController {
  readonly #callers: Callers;
  readonly #trail: AuditTrail;
  readonly #reads: AuditReads;

  constructor(callers: Callers, trail: AuditTrail, reads: AuditReads) {
    this.#callers = callers;
    this.#trail = trail;
    this.#reads = reads;
  }

  async events(request: RestRequest): Promise<RestAnswer> {
    return this.#read(request, 'audit', 'list_events', async ({ workspaceId }) => {
      const fields = pageFields(request, pageLimits);
      if (!fields.ok) return refusal(400, 'bad_request', fields.reason);
      const filter = (name: string) => queryText(request, name) ?? '';
      const { events, nextPage } = await this.#trail.listEvents({
        workspaceId,
        limit: fields.value.limit,
        page: fields.value.page ?? '',
        newestFirst: queryText(request, 'order') !== 'asc',
        callId: filter('call_id'),
        type: filter('type'),
        tool: filter('tool'),
        tunnelId: filter('tunnel_id'),
        principalId: filter('principal_id'),
        phase: filter('phase'),
        fromTime: filter('from'),
        toTime: filter('to'),
      });
      return json({ data: events.map(eventJson), next_page: nextPage === '' ? null : nextPage });
    });
  }

  async tail(request: RestRequest): Promise<RestAnswer> {
    return this.#read(request, 'audit', 'tail_events', ({ workspaceId }) => {
      const backlog = Math.min(Math.max(Math.trunc(Number(queryText(request, 'backlog') ?? 0)) || 0, 0), backlogMax);
      return Promise.resolve(jsonLines(this.#tailed({ workspaceId, backlog }, request.signal)));
    });
  }

  async *#tailed(wanted: audit.TailEventsRequest, signal: AbortSignal): AsyncIterable<unknown> {
    for await (const { event } of this.#trail.tailEvents(wanted, signal))
      if (event !== undefined) yield eventJson(event);
  }

  async call(request: RestRequest): Promise<RestAnswer> {
    const callId = request.params['callId'] ?? '';
    return this.#read(
      request,
      'audit',
      'show_call',
      async ({ workspaceId }) => {
        const call = await this.#trail.getCall({ workspaceId, callId });
        return call === undefined ? noSuchCall(callId) : json({ data: call.events.map(eventJson) });
      },
      callId,
    );
  }

  async proof(request: RestRequest): Promise<RestAnswer> {
    const callId = request.params['callId'] ?? '';
    return this.#read(
      request,
      'audit',
      'prove_call',
      async ({ workspaceId }) => {
        const proof = await this.#trail.proveCall({ workspaceId, callId });
        if (proof === undefined) return noSuchCall(callId);
        if (proof === 'not-signed-yet') {
          return refusal(
            409,
            'not_signed_yet',
            `No checkpoint covers ${callId} yet: one is signed within seconds, ask again.`,
          );
        }
        return json({ data: proof.proofs.map(proofJson) });
      },
      callId,
    );
  }

  async logs(request: RestRequest): Promise<RestAnswer> {
    const caller = await this.#callers.authenticate(request, 'audit');
    if (!caller.ok) return caller.reason;
    const { logs } = await this.#trail.listLogs();
    return json({ data: logs.map(logJson) });
  }

  async tiles(request: RestRequest): Promise<RestAnswer> {
    return this.#read(request, 'operate', 'export_tiles', () =>
      Promise.resolve(jsonLines(this.#files(request.signal))),
    );
  }

  async *#files(signal: AbortSignal): AsyncIterable<unknown> {
    for await (const { path, data } of this.#trail.exportTiles(signal))
      yield { path, data: Buffer.from(data).toString('base64') };
    yield { end: true };
  }

  async rebuild(request: RestRequest): Promise<RestAnswer> {
    return this.#read(request, 'operate', 'rebuild_ledger', () =>
      Promise.resolve(jsonLines(this.#rebuilt(request.signal))),
    );
  }

  async *#rebuilt(signal: AbortSignal): AsyncIterable<unknown> {
    try {
      for await (const step of this.#trail.rebuildLedger(signal)) {
        yield {
          origin: step.origin,
          leaves_done: Number(step.leavesDone),
          leaves_total: Number(step.leavesTotal),
          checkpoints_compared: Number(step.checkpointsCompared),
          root: step.rootHex,
          swapped: step.swapped,
        };
      }
      yield { end: true };
    } catch (error) {
      yield {
        error:
          error instanceof Error && 'details' in error
            ? String(error.details)
            : 'the rebuild failed: see the log of the audit service',
      };
    }
  }

  async #read(
    request: RestRequest,
    scope: 'audit' | 'operate',
    operation: string,
    answer: (caller: Caller) => Promise<RestAnswer>,
    callId?: string,
  ): Promise<RestAnswer> {
    const caller = await this.#callers.authenticate(request, scope);
    if (!caller.ok) return caller.reason;
    await this.#reads.record(
      caller.value.credential.apiKeyId,
      caller.value.workspaceId,
      operation,
      callId?.slice(0, 64),
    );
    return answer(caller.value);
  }
}

function noSuchCall(callId: string): RestAnswer {
  return refusal(
    404,
    'call_not_found',
    `The ledger has no call ${callId.slice(0, 64)} of this workspace. A call appears within about a second.`,
  );
}

function eventJson(event: audit.LedgerEvent) {
  return { origin: event.origin, leaf_index: Number(event.leafIndex), envelope: event.envelope };
}

function proofJson(proof: audit.EventProof) {
  return {
    event: proof.event === undefined ? null : eventJson(proof.event),
    checkpoint: proof.checkpoint,
    tree_size: Number(proof.treeSize),
    inclusion_path: proof.inclusionPath.map((hash) => Buffer.from(hash).toString('base64')),
    vkey: proof.vkey,
  };
}

function logJson(log: audit.LogState) {
  return {
    topic: log.topic,
    origin: log.origin,
    vkey: log.vkey,
    size: Number(log.size),
    root: log.rootHex,
    signed_size: Number(log.signedSize),
    signed_root: log.signedRootHex,
    checkpoint: log.checkpoint,
    next_offset: Number(log.nextOffset),
  };
}

export const auditController = restController(AuditController, [Callers, AuditTrail, AuditReads], {
  events: 'GET /v1/audit/events',
  tail: 'GET /v1/audit/events/tail',
  call: 'GET /v1/audit/calls/:callId',
  proof: 'GET /v1/audit/calls/:callId/proof',
  logs: 'GET /v1/audit/logs',
  tiles: 'GET /v1/audit/tiles',
  rebuild: 'POST /v1/audit/rebuild',
});
