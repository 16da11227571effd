import { terminalPhases } from '@sallyport/audit-events';
import { fail, ok, type Result } from '@sallyport/result';
import { z } from 'zod';

import { type LedgerEvent, parseLedgerEvent } from '../output/audit-event.ts';
import type { ControlClient, ControlProblem } from './control-client.ts';

const logSchema = z.object({
  topic: z.string(),
  origin: z.string(),
  vkey: z.string(),
  size: z.number(),
  root: z.string(),
  signed_size: z.number(),
  signed_root: z.string(),
});

/** A log of the ledger: what it holds, and how much of it is signed. */
export type LogState = z.infer<typeof logSchema>;

const rebuildStepSchema = z.object({
  origin: z.string(),
  leaves_done: z.number(),
  leaves_total: z.number(),
  checkpoints_compared: z.number(),
  root: z.string(),
  swapped: z.boolean(),
});

export type RebuildStep = z.infer<typeof rebuildStepSchema>;

/** The events of one call in the order of `seq`. */
export async function callEvents(
  client: ControlClient,
  callId: string,
): Promise<Result<readonly LedgerEvent[], ControlProblem>> {
  const answer = await client.get(`/v1/audit/calls/${encodeURIComponent(callId)}`);
  if (!answer.ok) return answer;
  const data = Array.isArray(answer.value['data']) ? answer.value['data'] : [];
  const events = data.map(parseLedgerEvent).filter((event) => event !== undefined);
  return ok(events.toSorted((a, b) => (a.envelope.data.seq ?? 0) - (b.envelope.data.seq ?? 0)));
}

export function hasEnded(events: readonly LedgerEvent[]): boolean {
  const ends: readonly string[] = terminalPhases;
  return events.some(({ envelope }) => ends.includes(envelope.data.phase ?? ''));
}

export async function auditLogs(client: ControlClient): Promise<Result<readonly LogState[], ControlProblem>> {
  const answer = await client.get('/v1/audit/logs');
  if (!answer.ok) return answer;
  const logs = z.array(logSchema).safeParse(answer.value['data']);
  return logs.success
    ? ok(logs.data)
    : fail({ status: 200, code: 'unexpected_answer', message: 'control listed its logs in an unknown form' });
}

/** Rebuilds every log from the event log; the last step of each is the result. A root that differs is a failure. */
export async function rebuildLedger(
  client: ControlClient,
  onStep: (step: RebuildStep) => void,
): Promise<Result<readonly RebuildStep[], string>> {
  const last = new Map<string, RebuildStep>();
  for await (const line of client.lines('POST', '/v1/audit/rebuild')) {
    if (!line.ok) return fail(line.reason.message);
    if (line.value['end'] === true) return ok([...last.values()]);
    if (typeof line.value['error'] === 'string') return fail(line.value['error']);
    const step = rebuildStepSchema.safeParse(line.value);
    if (!step.success) return fail('control reported the rebuild in an unknown form');
    last.set(step.data.origin, step.data);
    onStep(step.data);
  }
  return fail('the rebuild broke off: see the log of the audit service');
}
