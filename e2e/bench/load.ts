import { HttpLane } from './http-lane.ts';

export interface Target {
  readonly port: number;
  readonly request: Buffer;
}

export interface LoadResult {
  /** Answered with 200; nothing else counts as a call. */
  readonly calls: number;
  readonly refused: number;
  readonly callsPerS: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the whole seconds of the run; 0 in a run of less than one. */
  readonly slowestSecondCalls: number;
}

const settleMsMax = 20_000;

/** As many calls as go through `concurrency` connections, each of which waits for its answer before it asks again. */
export async function closedLoop(target: Target, concurrency: number, durationS: number): Promise<LoadResult> {
  const lanes = await openLanes(target, concurrency);
  const tally = new Tally();
  const untilMs = tally.startedMs + durationS * 1_000;
  const run = async (lane: HttpLane) => {
    for (let fromMs = performance.now(); fromMs < untilMs;) {
      const status = await lane.send();
      const nowMs = performance.now();
      tally.add(status, nowMs - fromMs, nowMs);
      fromMs = nowMs;
    }
  };
  try {
    await Promise.all(lanes.map(run));
    return tally.result();
  } finally {
    for (const lane of lanes) lane.close();
  }
}

/**
 * `perS` calls a second, whatever the answers do. Latency counts from when a call was due, not from when a connection was free for it: a
 * stall is charged to every call that it delayed.
 */
export async function openLoop(target: Target, perS: number, durationS: number, lanesMax = 256): Promise<LoadResult> {
  const lanes = new Set<HttpLane>();
  const idle: HttpLane[] = [];
  const due: number[] = [];
  const tally = new Tally();
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let opening = 0;
  /** Connections are made as they are needed: the router closes those that stay silent. */
  const openLane = () => {
    opening += 1;
    HttpLane.open(target.port, target.request)
      .then((lane) => {
        lanes.add(lane);
        idle.push(lane);
        dispatch();
      })
      .catch((error: unknown) => void failures.push(error))
      .finally(() => (opening -= 1));
  };
  const idleLane = (): HttpLane | undefined => {
    for (let lane = idle.pop(); lane !== undefined; lane = idle.pop()) {
      if (lane.isOpen) return lane;
      lanes.delete(lane);
    }
    return undefined;
  };
  const dispatch = () => {
    while (due.length > 0) {
      const lane = idleLane();
      const dueMs = due[0];
      if (dueMs === undefined) return;
      if (lane === undefined) {
        for (let wanted = due.length - opening; wanted > 0 && lanes.size + opening < lanesMax; wanted -= 1) openLane();
        return;
      }
      due.shift();
      const call = lane
        .send()
        .then((status) => {
          const nowMs = performance.now();
          tally.add(status, nowMs - dueMs, nowMs);
          idle.push(lane);
          dispatch();
        })
        .catch((error: unknown) => void failures.push(error))
        .finally(() => running.delete(call));
      running.add(call);
    }
  };
  const wanted = Math.round(perS * durationS);
  for (let made = 0; made < wanted && failures.length === 0; await nextMillisecond()) {
    const elapsedMs = performance.now() - tally.startedMs;
    for (; made < wanted && (made * 1_000) / perS <= elapsedMs; made += 1)
      due.push(tally.startedMs + (made * 1_000) / perS);
    dispatch();
  }
  for (const untilMs = performance.now() + settleMsMax; running.size + due.length > 0 && performance.now() < untilMs;)
    await nextMillisecond();
  for (const lane of lanes) lane.close();
  if (failures.length > 0) throw failures[0];
  if (due.length > 0 || running.size > 0) throw new Error(`${due.length + running.size} calls were not answered`);
  return tally.result();
}

async function openLanes({ port, request }: Target, count: number): Promise<HttpLane[]> {
  return Promise.all(Array.from({ length: count }, () => HttpLane.open(port, request)));
}

function nextMillisecond(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}

class Tally {
  readonly startedMs = performance.now();
  readonly #latenciesMs: number[] = [];
  readonly #bySecond: number[] = [];
  #lastMs = this.startedMs;
  #refused = 0;

  add(status: number, latencyMs: number, nowMs: number): void {
    if (status !== 200) {
      this.#refused += 1;
      return;
    }
    this.#latenciesMs.push(latencyMs);
    this.#lastMs = nowMs;
    const second = Math.floor((nowMs - this.startedMs) / 1_000);
    this.#bySecond[second] = (this.#bySecond[second] ?? 0) + 1;
  }

  result(): LoadResult {
    const sorted = Float64Array.from(this.#latenciesMs).sort();
    const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
    const elapsedS = Math.max(1, this.#lastMs - this.startedMs) / 1_000;
    const wholeSeconds = Array.from(this.#bySecond.slice(0, Math.floor(elapsedS)), (calls) => calls ?? 0);
    return {
      calls: sorted.length,
      refused: this.#refused,
      callsPerS: sorted.length / elapsedS,
      p50Ms: at(0.5),
      p99Ms: at(0.99),
      slowestSecondCalls: wholeSeconds.length === 0 ? 0 : Math.min(...wholeSeconds),
    };
  }
}
