import { fail, ok, type Result } from '@sallyport/result';
import { type LeaseEnd, type WorkItemCommand, workItemDecider, type WorkItemState } from '../domain/work-item.ts';
import { type HeldLease, type Lease, type QueuedWork, type QueueDepth, WorkQueue } from '../ports/work-queue.ts';

interface Item {
  readonly work: QueuedWork;
  state: WorkItemState;
  notBeforeMs: number;
}

type Method = 'queue' | 'claim' | 'endLease' | 'stop';

/** The queue on the decider alone. A test says which calls fail, as they do while a database is away, and what happens during a claim. */
export class MemoryWorkQueue extends WorkQueue {
  readonly items: Item[] = [];
  readonly archived = new Set<string>();
  /** How many calls of a method fail from now on. */
  readonly failing: Partial<Record<Method, number>> = {};
  duringClaim: (() => void | Promise<void>) | undefined;
  /** Claims that are written, and of which nobody hears. */
  unheardClaims = 0;

  override queue(work: Omit<QueuedWork, 'workId'>): Promise<Result<QueuedWork, 'session-ended' | 'still-leased'>> {
    return this.#try('queue', () => {
      if (this.archived.has(work.sessionId)) return fail('session-ended' as const);
      const ofSession = this.items.filter((item) => item.work.sessionId === work.sessionId);
      const live = ofSession.find(({ state }) => state.status !== 'stopped');
      if (live !== undefined) return live.state.status === 'leased' ? fail('still-leased' as const) : ok(live.work);
      const lastToken = Math.max(0, ...ofSession.map(({ state }) => ('token' in state ? state.token : 0)));
      const item: Item = {
        work: { ...work, workId: `work_${this.items.length + 1}` },
        state: workItemDecider.initialState,
        notBeforeMs: 0,
      };
      this.items.push(item);
      const { sessionId, environmentId } = work;
      this.#change(item, { type: 'QueueWork', sessionId, environmentId, lastToken, atMs: 0 });
      return ok(item.work);
    });
  }

  override async claim(environmentId: string, workspaceId: string, executorId: string): Promise<Lease | undefined> {
    await this.duringClaim?.();
    const isUnheard = this.unheardClaims > 0;
    if (isUnheard) this.unheardClaims -= 1;
    return this.#try('claim', () => {
      const item = this.items.find(
        ({ work, state, notBeforeMs }) =>
          work.environmentId === environmentId &&
          work.workspaceId === workspaceId &&
          state.status === 'queued' &&
          notBeforeMs <= performance.now(),
      );
      if (item === undefined || !this.#change(item, { type: 'ClaimWork', executorId, atMs: 0 }).ok) return undefined;
      if (isUnheard) throw new Error('claim: the connection broke at its commit');
      return { ...item.work, executorId, token: 'token' in item.state ? item.state.token : 0 };
    });
  }

  override reportReady({ workId, token }: HeldLease, startMs: number) {
    return Promise.resolve(this.#changeOf(workId, { type: 'ReportReady', token, startMs, atMs: 0 }));
  }

  override endLease({ workId, token }: HeldLease, reason: LeaseEnd, requeue: { readonly delayMs: number } | undefined) {
    return this.#try('endLease', () => {
      const ended = this.#changeOf(workId, {
        type: 'EndLease',
        token,
        reason,
        requeue: requeue !== undefined,
        atMs: 0,
      });
      const item = this.items.find(({ work }) => work.workId === workId);
      if (item !== undefined) item.notBeforeMs = performance.now() + (requeue?.delayMs ?? 0);
      return ended;
    });
  }

  override stop(workId: string) {
    return this.#try('stop', () => this.#changeOf(workId, { type: 'StopWork', atMs: 0 }));
  }

  override renew(): Promise<readonly HeldLease[]> {
    return Promise.resolve([]);
  }

  /** Every claim: a test sweeps where time has run out. */
  override async lapsed(): Promise<readonly Lease[]> {
    return (await this.live()).leased;
  }

  override live() {
    const leased = this.items.flatMap(({ work, state }) =>
      state.status === 'leased' ? [{ ...work, ...state, isReady: state.isReady }] : [],
    );
    return Promise.resolve({
      leased,
      queued: this.items.filter(({ state }) => state.status === 'queued').map(({ work }) => work),
    });
  }

  override depth(): Promise<QueueDepth> {
    return Promise.resolve({ waiting: 0, oldestQueuedAtMs: 0, leased: 0 });
  }

  /** The states of a session's items, oldest first. */
  statesOf(sessionId: string): readonly WorkItemState['status'][] {
    return this.items.filter(({ work }) => work.sessionId === sessionId).map(({ state }) => state.status);
  }

  #try<Value>(method: Method, run: () => Value): Promise<Value> {
    const left = this.failing[method] ?? 0;
    if (left === 0) return new Promise((resolve) => resolve(run()));
    this.failing[method] = left - 1;
    return Promise.reject(new Error(`${method}: the database is away`));
  }

  #changeOf(workId: string, command: WorkItemCommand) {
    const item = this.items.find(({ work }) => work.workId === workId);
    return item === undefined ? fail('work-unknown' as const) : this.#change(item, command);
  }

  #change(item: Item, command: WorkItemCommand) {
    const decision = workItemDecider.decide(item.state, command);
    if (!decision.ok) return decision;
    item.state = decision.value.reduce(workItemDecider.evolve, item.state);
    return ok(undefined);
  }
}
