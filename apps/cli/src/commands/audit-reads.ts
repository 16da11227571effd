import { leafHash, openCheckpoint, parseVkey, verifyInclusion } from '@sallyport/transparency-log';
import { z } from 'zod';

import { callEvents } from '../control/audit-requests.ts';
import type { ControlClient, ControlProblem, JsonObject } from '../control/control-client.ts';
import { auditJson, auditLine, type LedgerEvent, parseLedgerEvent, wholeEnvelope } from '../output/audit-event.ts';
import { tailAudit } from '../output/audit-tail.ts';
import type { Output } from '../output/reporter.ts';
import { Interruption } from './interruption.ts';

const pageLimit = 1_000;

/** Follows the ledger until Ctrl-C. What breaks is tried again; what is refused, as by a wrong key, ends it. */
export async function tailEvents(
  { backlog, json }: { readonly backlog: number; readonly json: boolean },
  client: ControlClient,
  output: Output,
): Promise<number> {
  const { signal } = new Interruption(() => process.exit(130));
  let refusal: ControlProblem | undefined;
  await tailAudit(client, {
    backlog,
    signal,
    onEvent: (event) => output.line(json ? JSON.stringify(auditJson(event)) : auditLine(event)),
    onBreak: (problem) => {
      if (problem.status < 400 || problem.status >= 500) return true;
      refusal = problem;
      return false;
    },
  });
  return refusal === undefined ? 0 : refused(refusal, output);
}

/** Pages until `limit` events were printed. */
export async function listEvents(
  request: { readonly limit: number; readonly query: Readonly<Record<string, string>>; readonly json: boolean },
  client: ControlClient,
  output: Output,
): Promise<number> {
  let page: string | null = null;
  let left = request.limit;
  do {
    const query = new URLSearchParams({ ...request.query, limit: String(Math.min(left, pageLimit)) });
    if (page !== null) query.set('page', page);
    const answer = await client.get(`/v1/audit/events?${query.toString()}`);
    if (!answer.ok) return refused(answer.reason, output);
    const events = eventsOf(answer.value);
    for (const event of events) output.line(request.json ? JSON.stringify(auditJson(event)) : auditLine(event));
    left -= events.length;
    page = typeof answer.value['next_page'] === 'string' ? answer.value['next_page'] : null;
  } while (page !== null && left > 0);
  return 0;
}

/** With `--json` one array of envelopes, whole and as they were hashed, by `data.seq`. */
export async function showCall(
  { callId, json }: { readonly callId: string; readonly json: boolean },
  client: ControlClient,
  output: Output,
): Promise<number> {
  const events = await callEvents(client, callId);
  if (!events.ok) return refused(events.reason, output);
  if (json) output.line(JSON.stringify(events.value.map(wholeEnvelope)));
  else for (const event of events.value) output.line(auditLine(event));
  return 0;
}

const proofSchema = z.object({
  event: z.unknown(),
  checkpoint: z.string(),
  tree_size: z.number(),
  inclusion_path: z.array(z.base64()),
  vkey: z.string(),
});

/** Fetches the proofs of a call and checks each here: the checkpoint's signature, and the path from the event to the signed root. */
export async function proveCall(
  { callId, json }: { readonly callId: string; readonly json: boolean },
  client: ControlClient,
  output: Output,
): Promise<number> {
  const answer = await client.get(`/v1/audit/calls/${encodeURIComponent(callId)}/proof`);
  if (!answer.ok) return refused(answer.reason, output);
  const proofs = z.array(proofSchema).safeParse(answer.value['data']);
  if (!proofs.success) return refused(unreadable, output);
  for (const proof of proofs.data) {
    const event = parseLedgerEvent(proof.event);
    if (event === undefined) return refused(unreadable, output);
    if (!isProven(event, proof)) {
      output.problem(`sallyport: ${event.origin}, leaf ${event.leafIndex}: the proof is WRONG`);
      return 1;
    }
    if (json) output.line(JSON.stringify({ ...auditJson(event), event: 'proof', proof }));
    else
      output.line(
        `${auditLine(event)}\n    leaf ${event.leafIndex} of ${proof.tree_size}, in the root that ${proof.vkey} signed`,
      );
  }
  return 0;
}

function isProven(event: LedgerEvent, proof: z.infer<typeof proofSchema>): boolean {
  const verifier = parseVkey(proof.vkey);
  if (!verifier.ok) return false;
  const checkpoint = openCheckpoint(proof.checkpoint, [verifier.value]);
  if (!checkpoint.ok || checkpoint.value.origin !== event.origin) return false;
  return verifyInclusion({
    leaf: leafHash(Buffer.from(event.text)),
    index: event.leafIndex,
    size: checkpoint.value.size,
    root: checkpoint.value.root,
    path: proof.inclusion_path.map((hash) => Buffer.from(hash, 'base64')),
  });
}

const unreadable: ControlProblem = {
  status: 200,
  code: 'unexpected_answer',
  message: 'control answered in a form that this version does not know',
};

function eventsOf(answer: JsonObject): readonly LedgerEvent[] {
  const data = Array.isArray(answer['data']) ? answer['data'] : [];
  return data.map(parseLedgerEvent).filter((event) => event !== undefined);
}

function refused(problem: ControlProblem, output: Output): number {
  output.problem(`sallyport: ${problem.message}`);
  return 1;
}
