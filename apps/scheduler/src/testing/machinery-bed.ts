import { InMemoryEventStore } from '@sallyport/event-sourcing';
import { prefixedIdFromBytes } from '@sallyport/ids';
import { fail, ok } from '@sallyport/result';
import { randomBytes, randomUUID } from 'node:crypto';
import { SessionMachinery, type MachineryLimits } from '../application/session-machinery.ts';
import type { ToolCallAsk } from '../application/call-tool.ts';
import type { PlacementRules } from '../domain/environment.ts';
import { CallJournal, type CallEndEvent, type JournalledCall } from '../ports/call-journal.ts';
import { ClockAndIds } from '../ports/clock-and-ids.ts';
import { EnvironmentKeys } from '../ports/environment-keys.ts';
import { Environments } from '../ports/environments.ts';
import { type CallMessage, ExecutorLink } from '../ports/executor-link.ts';
import { ExecutorTrail } from '../ports/executor-trail.ts';
import { Policies } from '../ports/policies.ts';
import { SessionTrail } from '../ports/session-trail.ts';
import { Sessions } from '../ports/sessions.ts';
import type { HeldLease } from '../ports/work-queue.ts';
import { MemoryWorkQueue } from './memory-work-queue.ts';

export const environmentId = 'env_1';
const executorId = 'executor-1';
const placement: PlacementRules = {
  tier: 'none',
  region: '',
  runtime: 'host',
  labels: {},
  memoryMib: 0,
  pids: 0,
  cpuMillis: 0,
  workspaceMib: 0,
};

/** The machinery on ports of memory, with one executor whose every message a test decides. */
export class MachineryBed {
  readonly queue = new MemoryWorkQueue();
  readonly link = new MemoryLink();
  readonly journal = new MemoryJournal();
  readonly failures: unknown[] = [];
  /** Sessions that the directory finds ended. */
  readonly terminated = new Set<string>();
  readonly machinery: SessionMachinery;

  constructor(limits: Partial<MachineryLimits['leases'] & MachineryLimits['queue']> = {}) {
    const leases = {
      callsWaitingMax: 2,
      placeMsMax: 10_000,
      obeyMsMax: 500,
      idleMsMax: 60_000,
      leaseMs: 30_000,
      startMsMax: 5_000,
    };
    const queue = { queueDepthMax: 10, queuedPerWorkspaceMax: 10, share: () => ({ weight: 1, leasesMax: 10 }) };
    this.machinery = new SessionMachinery(
      {
        queue: this.queue,
        journal: this.journal,
        policies: new AllowAll(),
        sessions: new AnySessions(this.terminated),
        sessionTrail: new NoSessionTrail(),
        environments: new OneEnvironment(),
        keys: new NoKeys(),
        trail: new NoTrail(),
        link: this.link,
        clock: new TestClock(),
      },
      {
        leases: { ...leases, ...limits },
        calls: { callMsMax: 60_000, answerGraceMs: 500 },
        queue: { ...queue, ...limits },
      },
      {
        commitArguments: () => ({ commitment: '', bytes: 0 }),
        commitResult: () => ({ commitment: '', bytes: 0 }),
      },
      { known: [], namespaceNeeds: [] },
      {
        callEnded: () => undefined,
        leased: () => undefined,
        lateAnswer: () => undefined,
        unknownAnswer: () => undefined,
        queueFailed: (error) => this.failures.push(error),
      },
    );
  }

  connect(offers = 10): void {
    const { executors, place } = this.machinery;
    const description = {
      version: '1',
      tier: 'namespace' as const,
      insecureNoIsolation: false,
      region: '',
      slots: 10,
      unproved: [],
    };
    const identity = { executorId, environmentId, workspaceId: 'wrkspc_1', environmentKeyId: 'key' };
    executors.add({ identity, description, runtimes: ['host'], labels: {}, connectedAtMs: 0, leases: 0 });
    executors.setCredits(executorId, offers);
    place.hint();
  }

  /** A call; its end is in `ended` once it is there. */
  call(sessionId: string, signal: AbortSignal = new AbortController().signal) {
    const callId = prefixedIdFromBytes('call', randomBytes(16));
    const ask: ToolCallAsk = {
      caller: { workspaceId: 'wrkspc_1', principalId: 'apikey_1', clientIp: '' },
      sessionId,
      callId,
      tool: 'bash',
      argumentsJson: Buffer.from('{"command":"true"}'),
      jsonrpcId: '1',
      protocolVersion: '2026-07-28',
      era: 'modern',
      traceparent: '',
      clientName: '',
      clientVersion: '',
      signal,
      onOutput: () => undefined,
    };
    const answer = this.machinery.callTool.run(ask).then((result) => {
      if (!result.ok) return { code: result.reason.code, text: '' };
      return result.value.kind === 'ended' ? result.value.end : { code: 'denied', text: '' };
    });
    return { callId, answer };
  }

  /** The sandbox of the offer runs. */
  async ready(lease: HeldLease): Promise<void> {
    await this.machinery.reports.sandboxReady(executorId, lease, 1);
  }

  lost(lease: HeldLease): void {
    this.machinery.reports.leaseLost(executorId, lease, 'sandbox_died');
  }

  async reply({ lease, callId }: CallMessage, text: string): Promise<void> {
    await this.machinery.reports.answer(executorId, lease, callId, { outcome: 'done', text, isError: false, code: '' });
  }
}

class MemoryLink extends ExecutorLink {
  readonly offers: HeldLease[] = [];
  readonly calls: CallMessage[] = [];
  readonly released: HeldLease[] = [];

  override offer(_executorId: string, lease: HeldLease): boolean {
    this.offers.push(lease);
    return true;
  }
  override call(_executorId: string, call: CallMessage): boolean {
    this.calls.push(call);
    return true;
  }
  override cancel(): boolean {
    return true;
  }
  override drain(): boolean {
    return true;
  }
  override release(_executorId: string, lease: HeldLease): boolean {
    this.released.push(lease);
    return true;
  }
}

class MemoryJournal extends CallJournal {
  readonly ends: string[] = [];
  readonly #written = Promise.resolve(ok(undefined));

  override deny() {
    return this.#written;
  }
  override begin() {
    return this.#written;
  }
  override dispatch() {
    return this.#written;
  }
  override end(_call: JournalledCall, _seq: number, { phase, outcome }: CallEndEvent) {
    this.ends.push(`${phase} ${outcome.code ?? ''}`.trim());
    return this.#written;
  }
  override late() {
    return this.#written;
  }
  override findOpen() {
    return Promise.resolve(undefined);
  }
}

class AllowAll extends Policies {
  override of() {
    const rule = {
      id: 'all',
      effect: 'allow',
      tunnel: '*',
      server: '*',
      method: '*',
      name: '*',
      environment: '*',
    } as const;
    return Promise.resolve(ok({ policyId: 'pol_1', sha256: '', rules: [rule] }));
  }
}

class AnySessions extends Sessions {
  readonly #terminated: ReadonlySet<string>;

  constructor(terminated: ReadonlySet<string>) {
    super();
    this.#terminated = terminated;
  }

  override as() {
    return new InMemoryEventStore<never>();
  }
  override find(sessionId: string) {
    const facts = { workspaceId: 'wrkspc_1', environmentId, title: '', metadata: {} };
    const status = this.#terminated.has(sessionId) ? ('terminated' as const) : ('idle' as const);
    return Promise.resolve({ ...facts, sessionId, status, createdAtMs: 0, updatedAtMs: 0, archivedAtMs: 0 });
  }
  override page() {
    return Promise.resolve({ views: [], next: undefined });
  }
  override history() {
    return Promise.resolve({ views: [], next: undefined });
  }
}

class OneEnvironment extends Environments {
  override as() {
    return new InMemoryEventStore<never>();
  }
  override find() {
    const facts = { workspaceId: 'wrkspc_1', name: 'e', description: '', metadata: {}, placement, organization: false };
    return Promise.resolve({ ...facts, environmentId, createdAtMs: 0, updatedAtMs: 0, archivedAtMs: 0 });
  }
  override page() {
    return Promise.resolve({ views: [], next: undefined });
  }
}

class NoKeys extends EnvironmentKeys {
  override check() {
    return Promise.resolve(fail('unknown' as const));
  }
  override onChange(): void {
    // no key ever changes
  }
}

class NoTrail extends ExecutorTrail {
  override connected() {
    return Promise.resolve();
  }
  override refused() {
    return Promise.resolve();
  }
  override drained() {
    return Promise.resolve();
  }
  override disconnected() {
    return Promise.resolve();
  }
}

class NoSessionTrail extends SessionTrail {
  override refused() {
    return Promise.resolve();
  }
}

class TestClock extends ClockAndIds {
  override nowMs(): number {
    return Date.now();
  }
  override id<Prefix extends Parameters<typeof prefixedIdFromBytes>[0]>(prefix: Prefix) {
    return prefixedIdFromBytes(prefix, randomBytes(16));
  }
  override uuid(): string {
    return randomUUID();
  }
}
