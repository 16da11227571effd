import type { WorkQueue } from '../ports/work-queue.ts';
import type { BeginLeases } from './begin-leases.ts';
import type { ConnectedExecutors } from './connected-executors.ts';
import type { SessionDirectory } from './session-directory.ts';

/** After a start: claims of an earlier process go on where their executors come back in time; what only waited has nobody who waits for it. */
export async function recoverLeases(parts: {
  readonly queue: WorkQueue;
  readonly sessions: SessionDirectory;
  readonly begin: BeginLeases;
  readonly executors: ConnectedExecutors;
}): Promise<void> {
  const { queue, sessions, begin, executors } = parts;
  const { leased, queued } = await queue.live();
  for (const { workId } of queued) await queue.stop(workId);
  for (const { isReady, ...lease } of leased) {
    const place = await sessions.find(lease.sessionId);
    if (place === undefined || place.session.status === 'terminated') {
      await queue.endLease(lease, 'session_ended', undefined);
      continue;
    }
    const executor = { ...executors.facts(lease.executorId), workId: lease.workId, leaseToken: lease.token };
    begin.recovered({ lease, executor }, place, isReady);
  }
}
