import type { executor as wire } from '@sallyport/contracts';
import type { HeldLease } from '../../ports/work-queue.ts';

export function leaseMessage({ workId, token }: HeldLease): wire.Lease {
  return { workId, token: BigInt(token) };
}
