import type { Suite } from '../harness/suite.ts';
import type { CountingUpstream } from './counting-upstream.ts';
import type { SteadyLoad } from './steady-load.ts';

export interface Verdicts {
  /** How many calls ended how: the ledger's word, the status and the gateway's code. */
  readonly ends: Readonly<Record<string, number>>;
  readonly wrong: readonly string[];
}

const steps = new Set(['requested', 'authorized', 'dispatched', 'late_result']);

/** Compares what agents were told and what reached the server with what the ledger says of each call. */
export async function verdictsOf(suite: Suite, load: SteadyLoad, upstream?: CountingUpstream): Promise<Verdicts> {
  const ends: Record<string, number> = {};
  const wrong: string[] = load.hung.map((callId) => `${callId}: it hung`);
  wrong.push(...load.repeated.map((callId) => `${callId}: its command ran twice`));
  for (const [traceId, { callId, status, code }] of load.calls) {
    const times = upstream?.effects.get(traceId) ?? 0;
    if (times > 1) wrong.push(`${callId} ${traceId}: it reached the server ${times} times`);
    // Nothing is known of a call whose connection broke before its headers; one that was refused unrecorded has no events.
    if (callId === '' || (times === 0 && status !== 200)) continue;
    const phases = (await suite.eventsOf(callId)).map(({ data }) => data.phase);
    const terminals = phases.filter((phase) => !steps.has(phase));
    const key = `${terminals.join('+') || 'open'} ${status} ${code}`.trim();
    ends[key] = (ends[key] ?? 0) + 1;
    const isTrue = terminals.length === 1 && (status !== 200 || terminals[0] === 'completed');
    const isDispatched = times === 0 || phases.join(' ').startsWith('requested authorized dispatched');
    if (!isTrue || !isDispatched) wrong.push(`${callId} ${status} ×${times}: ${phases.join(' ')}`);
  }
  return { ends, wrong: wrong.slice(0, 10) };
}
