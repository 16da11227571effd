import type { sandbox } from '@sallyport/contracts';
import type { Result } from '@sallyport/result';

/** Why the scheduler did not do what was asked. `code` is stable; the sentence is meant for whoever asked. */
export interface EnvironmentRefusal {
  readonly kind: 'not_found' | 'not_possible' | 'too_many' | 'contended' | 'unavailable';
  readonly code: string;
  readonly sentence: string;
}

export type EnvironmentAnswer<Value> = Promise<Result<Value, EnvironmentRefusal>>;

/** Environments and sessions, which the scheduler owns. The messages are its own: control adds who may ask. */
export abstract class Environments {
  abstract createEnvironment(request: sandbox.CreateEnvironmentRequest): EnvironmentAnswer<sandbox.Environment>;
  abstract getEnvironment(request: sandbox.GetEnvironmentRequest): EnvironmentAnswer<sandbox.Environment>;
  abstract listEnvironments(
    request: sandbox.ListEnvironmentsRequest,
  ): EnvironmentAnswer<sandbox.ListEnvironmentsResponse>;
  abstract archiveEnvironment(request: sandbox.ArchiveEnvironmentRequest): EnvironmentAnswer<sandbox.Environment>;
  abstract getQueue(request: sandbox.GetQueueRequest): EnvironmentAnswer<sandbox.GetQueueResponse>;
  abstract drainExecutor(request: sandbox.DrainExecutorRequest): EnvironmentAnswer<sandbox.DrainExecutorResponse>;
  abstract createSession(request: sandbox.CreateSessionRequest): EnvironmentAnswer<sandbox.Session>;
  abstract getSession(request: sandbox.GetSessionRequest): EnvironmentAnswer<sandbox.Session>;
  abstract listSessions(request: sandbox.ListSessionsRequest): EnvironmentAnswer<sandbox.ListSessionsResponse>;
  abstract archiveSession(request: sandbox.ArchiveSessionRequest): EnvironmentAnswer<sandbox.Session>;
  abstract listSessionEvents(
    request: sandbox.ListSessionEventsRequest,
  ): EnvironmentAnswer<sandbox.ListSessionEventsResponse>;
}
