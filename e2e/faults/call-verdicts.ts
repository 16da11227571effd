import { setTimeout as sleep } from 'node:timers/promises';
import type { Suite } from '../harness/suite.ts';
import type { CountingUpstream } from './counting-upstream.ts';
import type { LoadedCall, SteadyLoad } from './steady-load.ts';

export interface Verdicts {
  /** How many calls ended how: the ledger's word, the status and the gateway's code. */
  readonly ends: Readonly<Record<string, number>>;
  readonly wrong: readonly string[];
}

/** What is in the ledger at all is there by then, one event at least. */
const ledgerMsMax = 5_000;
const readersAtOnce = 8;
const steps = new Set(['requested', 'authorized', 'dispatched', 'late_result']);

/** Compares what agents were told and what reached the server with what the ledger says of each call. */
export async function verdictsOf(suite: Suite, load: SteadyLoad, upstream?: CountingUpstream): Promise<Verdicts> {
  const ends: Record<string, number> = {};
  const wrong: string[] = load.hung.map((callId) => `${callId}: it hung`);
  wrong.push(...load.repeated.map((callId) => `${callId}: its command ran twice`));
  await sleep(ledgerMsMax);
  const judge = async (traceId: string, { callId, status, code }: LoadedCall): Promise<void> => {
    const times = upstream?.effects.get(traceId) ?? 0;
    if (times > 1) wrong.push(`${callId} ${traceId}: it reached the server ${times} times`);
    // Of a call whose connection broke before its headers only the server can tell.
    if (callId === '') return;
    // One that was refused unrecorded has no events, and must have reached nobody.
    if (status !== 200 && times === 0 && !(await isRecorded(suite, callId))) return;
    const phases = await phasesOf(suite, callId);
    const terminals = phases.filter((phase) => !steps.has(phase));
    const key = `${terminals.join('+') || 'open'} ${status} ${code}`.trim();
    ends[key] = (ends[key] ?? 0) + 1;
    const isTrue = terminals.length === 1 && (status !== 200 || terminals[0] === 'completed');
    const isDispatched = times === 0 || phases.join(' ').startsWith('requested authorized dispatched');
    if (!isTrue || !isDispatched) wrong.push(`${callId} ${status} ×${times}: ${phases.join(' ')}`);
  };
  const rest = load.calls.entries();
  const reader = async () => {
    for (const [traceId, call] of rest) await judge(traceId, call);
  };
  await Promise.all(Array.from({ length: readersAtOnce }, reader));
  return { ends, wrong: wrong.slice(0, 10) };
}

async function isRecorded(suite: Suite, callId: string): Promise<boolean> {
  return (await suite.control('GET', `/v1/audit/calls/${callId}`, suite.operatorKey)).status === 200;
}

/** A call that stays open is no failure of the question, but its answer. */
async function phasesOf(suite: Suite, callId: string): Promise<readonly string[]> {
  try {
    return (await suite.eventsOf(callId)).map(({ data }) => data.phase);
  } catch (error) {
    return ['open', String(error)];
  }
}
