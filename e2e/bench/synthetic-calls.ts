import { callEnvelope, type CallEventBody } from '@sallyport/audit-events';
import type { EventRecord } from '@sallyport/event-log';

/** What a search can be for, from what every second call has to what one call in a hundred thousand has. */
export const rare = { tool: 'rotate_root_key', principal: 'apikey_stolen', workspace: 'wrkspc_small' } as const;
export const common = { tool: 'tool_1', principal: 'apikey_1', workspace: 'wrkspc_1', tunnel: 'tnl_1' } as const;

export const eventsPerCall = 4;
const rareEvery = 100_000;
const deniedEvery = 200;
const failedEvery = 50;
const orphanedEvery = 50_000;
const sources = 4;
/** 8 ms apart: ten million events are 22 hours. */
const msBetweenEvents = 8;

/**
 * Calls as the router records them: 40 workspaces, 60 tools, 300 principals and 20 tunnels, of which few are used much. The same numbers give
 * the same records.
 */
export class SyntheticCalls {
  readonly #startMs: number;
  readonly #sequences = Array.from({ length: sources }, () => 0n);
  #calls = 0;
  #events = 0;

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** Of the event that comes next. */
  get timeMs(): number {
    return this.#startMs + this.#events * msBetweenEvents;
  }

  /** `number` counts calls from 0. */
  static callId(number: number): string {
    return `call_${String(number).padStart(26, '0')}`;
  }

  /** `calls` more calls, at most four events each. */
  take(calls: number): EventRecord[] {
    const records: EventRecord[] = [];
    for (let made = 0; made < calls; made += 1) {
      const number = this.#calls;
      this.#calls += 1;
      for (const [at, event] of eventsOf(number).entries()) records.push(this.#record(number, at + 1, event));
    }
    return records;
  }

  #record(number: number, seq: number, event: CallEventBody): EventRecord {
    const source = number % sources;
    const sequence = (this.#sequences[source] ?? 0n) + 1n;
    this.#sequences[source] = sequence;
    const { timeMs } = this;
    const key = `session-${number % 500}`;
    const stamp = { id: uuidAt(timeMs, this.#events), source: `router/bench-${source}`, sequence, timeMs, key };
    this.#events += 1;
    return { key, value: callEnvelope(stamp, subjectOf(number), seq, event) };
  }
}

function subjectOf(number: number) {
  const isRare = number % rareEvery === rareEvery / 2;
  return {
    callId: SyntheticCalls.callId(number),
    workspaceId: isRare ? rare.workspace : `wrkspc_${skewed(number, 40, 7)}`,
    actor: {
      principalId: isRare ? rare.principal : `apikey_${skewed(number, 300, 11)}`,
      authentication: 'api_key' as const,
      clientIp: '10.1.2.3',
      clientName: 'agent',
      clientVersion: '1.0.0',
    },
    tool: {
      name: isRare ? rare.tool : `tool_${skewed(number, 60, 13)}`,
      server: 'tickets',
      primitive: 'tool' as const,
    },
    request: { jsonrpcId: String(number), protocolVersion: '2026-07-28', era: 'modern' as const },
    route: {
      tunnelId: `tnl_${skewed(number, 20, 17)}`,
      host: 'tickets.internal',
      mode: 'end_to_end' as const,
      routerUnauthenticated: false,
    },
    arguments: { commitment: hexOf(number, 1), bytes: 240 },
  };
}

function eventsOf(number: number): CallEventBody[] {
  const isDenied = number % deniedEvery === 3;
  const decision = {
    effect: isDenied ? ('deny' as const) : ('allow' as const),
    policyId: 'policy_1',
    policySha256: hexOf(1, 2),
    ruleId: isDenied ? '' : 'rule-1',
    reason: isDenied ? ('no_rule_allows' as const) : ('rule_allows' as const),
  };
  const requested = { phase: 'requested', trigger: 'agent' } as const;
  if (isDenied) return [requested, { phase: 'denied', decision }];
  const outcome = { durationMs: 20 + (number % 300), result: { commitment: hexOf(number, 3), bytes: 900 } };
  const dispatched = { phase: 'dispatched', attempt: 1, deadlineMs: 60_000 } as const;
  return [requested, { phase: 'authorized', decision }, dispatched, endOf(number, outcome)];
}

function endOf(number: number, outcome: { readonly durationMs: number }): CallEventBody {
  if (number % orphanedEvery === 5)
    return {
      phase: 'orphaned',
      owner: 'router/bench-0',
      outcome: { ...outcome, status: 'lease_lost', effect: 'unknown' },
    };
  if (number % failedEvery === 7)
    return { phase: 'failed', outcome: { ...outcome, status: 'jsonrpc_error', code: '-32603', effect: 'unknown' } };
  return { phase: 'completed', outcome: { ...outcome, status: 'ok', effect: 'reported' } };
}

/** 1 to `most`; the smaller, the more often, as 1/n. */
function skewed(number: number, most: number, salt: number): number {
  return Math.max(1, Math.floor(most ** (hash(number, salt) / 2 ** 32)));
}

function hexOf(number: number, salt: number): string {
  return Array.from({ length: 8 }, (_, at) =>
    hash(number, salt * 8 + at)
      .toString(16)
      .padStart(8, '0'),
  ).join('');
}

/** Version 7: 48 bits of time, then what makes it unique. */
function uuidAt(timeMs: number, number: number): string {
  const time = timeMs.toString(16).padStart(12, '0');
  const rest = number.toString(16).padStart(12, '0');
  return `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${rest}`;
}

/** A 32-bit mix (the finaliser of MurmurHash3). */
function hash(number: number, salt: number): number {
  let mixed = (number ^ Math.imul(salt, 0x9e3779b1)) >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
