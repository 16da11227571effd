import { MerkleRoots } from './merkle-roots.ts';

interface Envelope {
  readonly id: string;
  readonly source: string;
  readonly sequence: string;
  readonly time: string;
  readonly traceparent?: string;
  readonly data: {
    readonly callId: string;
    readonly seq: number;
    readonly phase: string;
    readonly workspaceId?: string;
    readonly actor?: { readonly principalId?: string; readonly authentication?: string };
    readonly tool?: { readonly name?: string; readonly server?: string };
    readonly route?: { readonly tunnelId?: string };
    readonly sandbox?: { readonly environmentId?: string };
    readonly arguments?: { readonly commitment?: string };
    readonly decision?: { readonly effect?: string; readonly policySha256?: string; readonly reason?: string };
    readonly outcome?: { readonly status?: string; readonly effect?: string };
  };
}

export interface AuditedCall {
  nextSeq: number;
  phases: string;
  terminal: string | undefined;
}

const terminals = new Set(['completed', 'failed', 'denied', 'timed_out', 'cancelled', 'orphaned']);
const problemsMax = 20;

/** Reads the topic of calls as an outsider would, and notes whatever is not as promised. */
export class LedgerAudit {
  readonly roots = new MerkleRoots();
  readonly calls = new Map<string, AuditedCall>();
  /** Trace id → call id. */
  readonly byTrace = new Map<string, string>();
  readonly problems: string[] = [];
  /** Root at each size that was asked for. */
  readonly rootAt = new Map([[0, new MerkleRoots().root()]]);
  duplicates = 0;
  readonly #ids = new Set<string>();
  readonly #sequences = new Map<string, bigint>();

  /** Signed sizes are known before what they cover is read. */
  take(record: string, signedSizes: ReadonlySet<number>): void {
    const event = JSON.parse(record) as Envelope;
    if (this.#ids.has(event.id)) {
      this.duplicates += 1; // the relay sends again what was not acknowledged; the ledger takes the first
      return;
    }
    this.#ids.add(event.id);
    this.roots.add(record);
    if (signedSizes.has(this.roots.size)) this.rootAt.set(this.roots.size, this.roots.root());
    this.#takeSequence(event);
    this.#takeCall(event);
    this.#takeFacts(event);
  }

  get sources(): number {
    return this.#sequences.size;
  }

  /** Calls without their terminal event. */
  open(): string[] {
    return [...this.calls].filter(([, { terminal }]) => terminal === undefined).map(([callId]) => callId);
  }

  #takeSequence({ source, sequence }: Envelope): void {
    const expected = (this.#sequences.get(source) ?? 0n) + 1n;
    if (BigInt(sequence) !== expected) this.#problem(`${source}: sequence ${sequence} where ${expected} is next`);
    this.#sequences.set(source, BigInt(sequence));
  }

  #takeCall({ data: { callId, seq, phase }, traceparent }: Envelope): void {
    const call = this.calls.get(callId) ?? { nextSeq: 1, phases: '', terminal: undefined };
    this.calls.set(callId, call);
    if (seq !== call.nextSeq) this.#problem(`${callId}: seq ${seq} where ${call.nextSeq} is next`);
    call.nextSeq = seq + 1;
    call.phases += ` ${phase}`;
    if (terminals.has(phase)) {
      if (call.terminal !== undefined) this.#problem(`${callId}: ${phase} after ${call.terminal}`);
      call.terminal = phase;
    } else if (call.terminal !== undefined && phase !== 'late_result')
      this.#problem(`${callId}: ${phase} after ${call.terminal}`);
    const traceId = traceparent?.split('-')[1];
    if (phase === 'requested' && traceId !== undefined) this.byTrace.set(traceId, callId);
  }

  /** Who, what, when, where, by which decision, with which end. */
  #takeFacts({ time, traceparent, data }: Envelope): void {
    const { phase, actor, tool, route, sandbox, decision, outcome } = data;
    const isDecision = phase === 'authorized' || phase === 'denied';
    const isEnd = terminals.has(phase) && phase !== 'denied';
    const facts: Readonly<Record<string, string | undefined>> = {
      time,
      traceparent,
      workspace: data.workspaceId,
      principal: actor?.principalId,
      authentication: actor?.authentication,
      tool: tool?.name,
      server: tool?.server,
      place: route?.tunnelId ?? sandbox?.environmentId,
      arguments: data.arguments?.commitment,
      ...(isDecision ? { decision: decision?.effect, reason: decision?.reason, policy: decision?.policySha256 } : {}),
      ...(isEnd ? { status: outcome?.status, effect: outcome?.effect } : {}),
    };
    for (const [name, value] of Object.entries(facts))
      if (value === undefined || value === '') this.#problem(`${data.callId} ${phase}: no ${name}`);
  }

  #problem(sentence: string): void {
    if (this.problems.length < problemsMax) this.problems.push(sentence);
  }
}
