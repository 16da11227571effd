import { type ServiceError, status } from '@grpc/grpc-js';
import { sandbox } from '@sallyport/contracts';
import { callUnary, type GrpcChannel, reasonOf } from '@sallyport/grpc';
import { fail, ok, type Result } from '@sallyport/result';
import { type EnvironmentAnswer, type EnvironmentRefusal, Environments } from '../../ports/environments.ts';

const deadlineMs = 10_000;

const kinds: Partial<Record<status, EnvironmentRefusal['kind']>> = {
  [status.NOT_FOUND]: 'not_found',
  [status.FAILED_PRECONDITION]: 'not_possible',
  [status.INVALID_ARGUMENT]: 'not_possible',
  [status.RESOURCE_EXHAUSTED]: 'too_many',
  [status.ABORTED]: 'contended',
};

/** Asks the scheduler. Without a channel the deployment has none, and every answer says so. */
export class SchedulerEnvironments extends Environments {
  readonly #client: sandbox.EnvironmentServiceClient | undefined;

  constructor(channel: GrpcChannel | undefined) {
    super();
    this.#client =
      channel === undefined
        ? undefined
        : new sandbox.EnvironmentServiceClient(channel.address, channel.credentials, channel.options);
  }

  override async createEnvironment(request: sandbox.CreateEnvironmentRequest) {
    return present(await this.#ask('createEnvironment', request), 'environment');
  }

  override async getEnvironment(request: sandbox.GetEnvironmentRequest) {
    return present(await this.#ask('getEnvironment', request), 'environment');
  }

  override listEnvironments(request: sandbox.ListEnvironmentsRequest) {
    return this.#ask('listEnvironments', request);
  }

  override async archiveEnvironment(request: sandbox.ArchiveEnvironmentRequest) {
    return present(await this.#ask('archiveEnvironment', request), 'environment');
  }

  override getQueue(request: sandbox.GetQueueRequest) {
    return this.#ask('getQueue', request);
  }

  override drainExecutor(request: sandbox.DrainExecutorRequest) {
    return this.#ask('drainExecutor', request);
  }

  override async createSession(request: sandbox.CreateSessionRequest) {
    return present(await this.#ask('createSession', request), 'session');
  }

  override async getSession(request: sandbox.GetSessionRequest) {
    return present(await this.#ask('getSession', request), 'session');
  }

  override listSessions(request: sandbox.ListSessionsRequest) {
    return this.#ask('listSessions', request);
  }

  override async archiveSession(request: sandbox.ArchiveSessionRequest) {
    return present(await this.#ask('archiveSession', request), 'session');
  }

  override listSessionEvents(request: sandbox.ListSessionEventsRequest) {
    return this.#ask('listSessionEvents', request);
  }

  async #ask<Name extends keyof Methods>(name: Name, request: Methods[Name][0]): EnvironmentAnswer<Methods[Name][1]> {
    const client = this.#client;
    if (client === undefined)
      return fail(unavailable('This deployment runs no scheduler: set CONTROL_SCHEDULER_ADDRESS to serve sandboxes.'));
    // The generated client's methods differ in nothing but their messages.
    const method = client[name].bind(client) as unknown as Unary<Methods[Name][0], Methods[Name][1]>;
    try {
      return ok(await callUnary(method, request, { deadlineMs }));
    } catch (error) {
      return fail(refusalOf(error as ServiceError));
    }
  }
}

type Unary<Request, Response> = Parameters<typeof callUnary<Request, Response>>[0];

interface Methods {
  readonly createEnvironment: [sandbox.CreateEnvironmentRequest, sandbox.CreateEnvironmentResponse];
  readonly getEnvironment: [sandbox.GetEnvironmentRequest, sandbox.GetEnvironmentResponse];
  readonly listEnvironments: [sandbox.ListEnvironmentsRequest, sandbox.ListEnvironmentsResponse];
  readonly archiveEnvironment: [sandbox.ArchiveEnvironmentRequest, sandbox.ArchiveEnvironmentResponse];
  readonly getQueue: [sandbox.GetQueueRequest, sandbox.GetQueueResponse];
  readonly drainExecutor: [sandbox.DrainExecutorRequest, sandbox.DrainExecutorResponse];
  readonly createSession: [sandbox.CreateSessionRequest, sandbox.CreateSessionResponse];
  readonly getSession: [sandbox.GetSessionRequest, sandbox.GetSessionResponse];
  readonly listSessions: [sandbox.ListSessionsRequest, sandbox.ListSessionsResponse];
  readonly archiveSession: [sandbox.ArchiveSessionRequest, sandbox.ArchiveSessionResponse];
  readonly listSessionEvents: [sandbox.ListSessionEventsRequest, sandbox.ListSessionEventsResponse];
}

function present<Name extends string, Value>(
  answer: Result<Readonly<Record<Name, Value | undefined>>, EnvironmentRefusal>,
  name: Name,
): Result<Value, EnvironmentRefusal> {
  if (!answer.ok) return answer;
  const value = answer.value[name];
  if (value === undefined) throw new Error(`the scheduler answered without the ${name}`);
  return ok(value);
}

/** Throws what is no refusal but a bug, on either side. */
function refusalOf(error: ServiceError): EnvironmentRefusal {
  if (error.code === status.UNAVAILABLE)
    return unavailable('The scheduler cannot do this now; nothing was changed. Try again.');
  if (error.code === status.DEADLINE_EXCEEDED)
    return unavailable('The scheduler did not answer in time; look whether it was done before you repeat it.');
  const kind = kinds[error.code];
  if (kind === undefined) throw error;
  return { kind, code: reasonOf(error) ?? 'bad_request', sentence: error.details };
}

function unavailable(sentence: string): EnvironmentRefusal {
  return { kind: 'unavailable', code: 'scheduler_unavailable', sentence };
}
