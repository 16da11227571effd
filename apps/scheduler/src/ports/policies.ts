import type { Policy } from '@sallyport/policy';
import type { Result } from '@sallyport/result';

/** The policy of a workspace. Answers may come from memory, but never survive a change by more than a bounded time. */
export abstract class Policies {
  abstract of(workspaceId: string): Promise<Result<Policy, 'control_unavailable'>>;
}
