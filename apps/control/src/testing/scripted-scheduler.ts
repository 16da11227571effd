import { status } from '@grpc/grpc-js';
import { sandbox } from '@sallyport/contracts';
import { grpcFailure, GrpcServer, serviceName, type TlsFiles } from '@sallyport/grpc';

const nowMs = 1_790_000_000_123n;

/** An EnvironmentService that keeps what it is told in memory. */
export class ScriptedScheduler {
  readonly environments = new Map<string, sandbox.Environment>();
  readonly sessions = new Map<string, sandbox.Session>();
  readonly actors: string[] = [];
  readonly #server: GrpcServer;

  constructor(address: string, tls: TlsFiles) {
    const implementation = this.#implementation();
    const callers = Object.fromEntries(Object.keys(implementation).map((name) => [name, [serviceName.control]]));
    this.#server = new GrpcServer({ address, tls }, [
      { definition: sandbox.EnvironmentServiceService, implementation, callers },
    ]);
  }

  start(): Promise<number> {
    return this.#server.start();
  }

  stop(): Promise<void> {
    return this.#server.stop(0);
  }

  #environment(named: { readonly workspaceId: string; readonly environmentId: string }): sandbox.Environment {
    const found = this.environments.get(named.environmentId);
    if (found?.workspaceId === named.workspaceId) return found;
    throw grpcFailure(status.NOT_FOUND, 'environment_not_found', 'There is no such environment in this workspace.');
  }

  #session(named: { readonly workspaceId: string; readonly sessionId: string }): sandbox.Session {
    const found = this.sessions.get(named.sessionId);
    if (found?.workspaceId === named.workspaceId) return found;
    throw grpcFailure(status.NOT_FOUND, 'session_not_found', 'There is no such session in this workspace.');
  }

  #createEnvironment({ actorId, ...wanted }: sandbox.CreateEnvironmentRequest) {
    this.actors.push(actorId);
    const environmentId = `env_${this.environments.size + 1}`;
    const times = { createdAtMs: nowMs, updatedAtMs: nowMs, archivedAtMs: 0n };
    const environment: sandbox.Environment = { ...wanted, environmentId, ...times };
    this.environments.set(environmentId, environment);
    return { environment };
  }

  #listEnvironments({ workspaceId, page }: sandbox.ListEnvironmentsRequest) {
    if (page !== '' && page !== 'second') throw grpcFailure(status.INVALID_ARGUMENT, 'bad_request', 'page is unknown');
    const environments = [...this.environments.values()].filter((each) => each.workspaceId === workspaceId);
    return { environments, nextPage: page === '' ? 'second' : '' };
  }

  #archiveEnvironment(named: sandbox.ArchiveEnvironmentRequest) {
    const environment = { ...this.#environment(named), archivedAtMs: nowMs };
    this.environments.set(named.environmentId, environment);
    return { environment };
  }

  #createSession({ actorId, ...wanted }: sandbox.CreateSessionRequest) {
    this.actors.push(actorId);
    if (this.#environment(wanted).archivedAtMs !== 0n)
      throw grpcFailure(status.FAILED_PRECONDITION, 'environment_archived', 'The environment is archived.');
    const sessionId = `sesn_${this.sessions.size + 1}`;
    const times = { createdAtMs: nowMs, updatedAtMs: 0n, archivedAtMs: 0n };
    const session: sandbox.Session = { ...wanted, sessionId, status: sandbox.SessionStatus.IDLE, ...times };
    this.sessions.set(sessionId, session);
    return { session };
  }

  #archiveSession(named: sandbox.ArchiveSessionRequest) {
    const ended = { status: sandbox.SessionStatus.TERMINATED, archivedAtMs: nowMs };
    const session = { ...this.#session(named), ...ended };
    this.sessions.set(named.sessionId, session);
    return { session };
  }

  #implementation(): sandbox.EnvironmentServiceServer {
    return {
      createEnvironment: unary((wanted: sandbox.CreateEnvironmentRequest) => this.#createEnvironment(wanted)),
      getEnvironment: unary((named: sandbox.GetEnvironmentRequest) => ({ environment: this.#environment(named) })),
      listEnvironments: unary((asked: sandbox.ListEnvironmentsRequest) => this.#listEnvironments(asked)),
      archiveEnvironment: unary((named: sandbox.ArchiveEnvironmentRequest) => this.#archiveEnvironment(named)),
      createSession: unary((wanted: sandbox.CreateSessionRequest) => this.#createSession(wanted)),
      getSession: unary((named: sandbox.GetSessionRequest) => ({ session: this.#session(named) })),
      listSessions: unary(({ workspaceId }: sandbox.ListSessionsRequest) => ({
        sessions: [...this.sessions.values()].filter((each) => each.workspaceId === workspaceId),
        nextPage: '',
      })),
      archiveSession: unary((named: sandbox.ArchiveSessionRequest) => this.#archiveSession(named)),
      listSessionEvents: unary((named: sandbox.ListSessionEventsRequest) => {
        this.#session(named);
        const detailJson = '{"stop_reason":{"type":"end_turn"},"id":"forged"}';
        return { events: [{ eventId: 'sevt_1', type: 'session.status_idle', atMs: nowMs, detailJson }], nextPage: '' };
      }),
      drainExecutor: unary((named: sandbox.DrainExecutorRequest) => {
        this.#environment(named);
        if (named.executorId !== 'exec_1') throw grpcFailure(status.NOT_FOUND, 'executor_not_connected', 'None is.');
        this.actors.push(named.actorId);
        return {};
      }),
      getQueue: unary((named: sandbox.GetQueueRequest) => {
        this.#environment(named);
        const executor = { executorId: 'exec_1', version: '1', tier: 'namespace', region: '', slots: 2, leases: 1 };
        const executors = [{ ...executor, draining: false, connectedAtMs: nowMs }];
        return { waiting: 3, oldestQueuedAtMs: nowMs, leased: 1, executors };
      }),
    };
  }
}

function unary<Request, Response>(answer: (request: Request) => Response) {
  return (
    call: { readonly request: Request },
    callback: (error: ReturnType<typeof grpcFailure> | null, response?: Response) => void,
  ) => {
    try {
      callback(null, answer(call.request));
    } catch (failure) {
      callback(failure as ReturnType<typeof grpcFailure>);
    }
  };
}
