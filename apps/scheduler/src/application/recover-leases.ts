import type { WorkQueue } from '../ports/work-queue.ts';
import type { ConnectedExecutors } from './connected-executors.ts';
import type { Lanes } from './lanes.ts';
import type { PlaceWork } from './place-work.ts';
import type { SessionDirectory } from './session-directory.ts';

/** After a start: claims of an earlier process go on where their executors come back in time; what only waited has nobody who waits for it. */
export async function recoverLeases(parts: {
  readonly queue: WorkQueue;
  readonly sessions: SessionDirectory;
  readonly lanes: Lanes;
  readonly place: PlaceWork;
  readonly executors: ConnectedExecutors;
}): Promise<void> {
  const { leased, queued } = await parts.queue.live();
  for (const { workId } of queued) await parts.queue.stop(workId);
  for (const { isReady, ...lease } of leased) {
    const place = await parts.sessions.find(lease.sessionId);
    if (place === undefined) continue;
    const facts = parts.executors.facts(lease.executorId);
    const executor = { ...facts, workId: lease.workId, leaseToken: lease.token };
    parts.lanes.open(place.session, place.environment).leaseClaimed(lease, executor, isReady);
    parts.place.leaseBegan(lease.workspaceId);
  }
}
