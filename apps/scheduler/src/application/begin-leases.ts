import type { Lane } from './lane.ts';
import type { Lanes } from './lanes.ts';
import type { Placed, PlaceWork } from './place-work.ts';
import type { SandboxDemand } from './sandbox-demand.ts';
import type { SessionPlace } from './session-directory.ts';

/** A claim has been made: the session hears of it, and the sandbox has to run within a bounded time. */
export class BeginLeases {
  readonly #lanes: Lanes;
  readonly #demand: SandboxDemand;
  readonly #place: PlaceWork;
  readonly #startMsMax: number;

  constructor(
    parts: {
      readonly lanes: Lanes;
      readonly demand: SandboxDemand;
      readonly place: PlaceWork;
    },
    startMsMax: number,
  ) {
    this.#lanes = parts.lanes;
    this.#demand = parts.demand;
    this.#place = parts.place;
    this.#startMsMax = startMsMax;
  }

  /** False where nobody waits any more. */
  begin(placed: Placed): boolean {
    const { lease } = placed;
    const lane = this.#lanes.find(lease.sessionId);
    this.#demand.placed(lease.sessionId);
    if (lane === undefined || lane.isClosed) {
      this.#demand.giveBack(lease, lane === undefined ? 'session_idle' : 'session_ended');
      return false;
    }
    this.#claimed(lane, placed);
    return true;
  }

  /** An earlier process made the claim; it goes on if its executor comes back in time. */
  recovered(placed: Placed, { session, environment }: SessionPlace, isReady: boolean): void {
    this.#claimed(this.#lanes.open(session, environment), placed, isReady);
    this.#place.leaseBegan(placed.lease.workspaceId);
  }

  /** The executor could not be told of it. */
  undelivered({ lease }: Placed): void {
    const lane = this.#lanes.find(lease.sessionId);
    if (lane !== undefined) this.#demand.end(lane, lease, 'declined');
  }

  #claimed(lane: Lane, { lease, executor }: Placed, isReady = false): void {
    this.#lanes.leaseClaimed(lane, lease, executor, isReady);
    if (isReady) return;
    setTimeout(() => {
      if (lane.lease === lease && !lane.isReady) this.#demand.end(lane, lease, 'start_failed');
    }, this.#startMsMax).unref();
  }
}
