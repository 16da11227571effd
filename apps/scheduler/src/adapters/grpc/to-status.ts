import { status } from '@grpc/grpc-js';
import { grpcFailure, type GrpcFailure } from '@sallyport/grpc';
import { isPgUnavailable } from '@sallyport/pg';
import type { CallToolRefusal } from '../../application/call-tool.ts';
import type { EnvironmentChangeRefusal } from '../../application/manage-environments.ts';
import type { SessionChangeRefusal } from '../../application/manage-sessions.ts';

const callRefusals = {
  unknown_session: [status.NOT_FOUND, 'there is no such session'],
  session_ended: [status.FAILED_PRECONDITION, 'the session has ended: make another one'],
  duplicate_call: [status.ALREADY_EXISTS, 'a call of this id was made already'],
  session_busy: [status.RESOURCE_EXHAUSTED, 'too many calls of this session wait: try again when they have ended'],
  queue_full: [status.RESOURCE_EXHAUSTED, 'too many sessions wait for an executor: try again later'],
  control_unavailable: [status.UNAVAILABLE, 'policies cannot be read now: try again'],
  audit_unavailable: [status.UNAVAILABLE, 'the call could not be recorded, so it was not made: try again'],
  shutting_down: [status.UNAVAILABLE, 'the scheduler is stopping: try again'],
} as const satisfies Record<CallToolRefusal['code'], readonly [status, string]>;

export function callFailure(refusal: CallToolRefusal): GrpcFailure {
  const [code, sentence] = callRefusals[refusal.code];
  return grpcFailure(code, refusal.code, sentence);
}

const changeRefusals = {
  environment_not_found: [status.NOT_FOUND, 'there is no such environment'],
  environment_not_yours: [status.FAILED_PRECONDITION, 'the environment belongs to another workspace'],
  executor_not_connected: [status.NOT_FOUND, 'no such executor is connected: the queue of the environment lists them'],
  session_not_found: [status.NOT_FOUND, 'there is no such session'],
  environment_archived: [status.FAILED_PRECONDITION, 'the environment was archived: it takes no new sessions'],
  contended: [status.ABORTED, 'it was changed by others at the same time: try again'],
  bad_request: [status.INVALID_ARGUMENT, 'the request is not what the contract says'],
} as const satisfies Record<
  EnvironmentChangeRefusal | SessionChangeRefusal | 'executor_not_connected' | 'bad_request',
  readonly [status, string]
>;

export function changeFailure(refusal: keyof typeof changeRefusals): GrpcFailure {
  const [code, sentence] = changeRefusals[refusal];
  return grpcFailure(code, refusal, sentence);
}

export function brokenFailure(error: unknown): GrpcFailure {
  return isPgUnavailable(error)
    ? grpcFailure(status.UNAVAILABLE, 'database_unavailable', 'the database is away: try again')
    : grpcFailure(status.INTERNAL, 'internal', 'the request failed');
}
