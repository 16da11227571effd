import { type ClientReadableStream, connectivityState, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import { sandbox } from '@sallyport/contracts';
import { callUnary, type GrpcChannel, reasonOf } from '@sallyport/grpc';
import { isPrefixedId } from '@sallyport/ids';
import { fail, ok, type Result } from '@sallyport/result';
import type { Logger } from '@sallyport/telemetry';
import {
  type RunningSessionCall,
  type SessionCall,
  type SessionCallEnd,
  type SessionCallPhase,
  type SessionFailure,
  type SessionScope,
  type SessionTool,
  SessionTools,
} from '../../ports/session-tools.ts';

/** A scheduler that restarts is waited for this long, before anything is sent. */
const connectMsMax = 1_000;
const listMsMax = 5_000;

const phases: Partial<Record<sandbox.CallEndPhase, SessionCallPhase>> = {
  [sandbox.CallEndPhase.COMPLETED]: 'completed',
  [sandbox.CallEndPhase.FAILED]: 'failed',
  [sandbox.CallEndPhase.TIMED_OUT]: 'timed_out',
  [sandbox.CallEndPhase.CANCELLED]: 'cancelled',
  [sandbox.CallEndPhase.DENIED]: 'denied',
  [sandbox.CallEndPhase.ORPHANED]: 'orphaned',
  [sandbox.CallEndPhase.UNRECORDED]: 'unrecorded',
};

const noScheduler: SessionFailure = {
  code: 'scheduler_unavailable',
  sentence: 'This deployment runs no scheduler: set ROUTER_SCHEDULER_ADDRESS to serve sandboxes.',
};
/** Also what is no session's id at all. */
const unknown: SessionFailure = { code: 'unknown_session' };
const unreachable: SessionFailure = { code: 'scheduler_unavailable' };
const lost: SessionFailure = { code: 'stream_lost' };

/** Asks the scheduler. Without a channel the deployment has none, and every answer says so. */
export class SchedulerSessionTools extends SessionTools {
  readonly #client: sandbox.SessionToolServiceClient | undefined;
  readonly #callMsMax: number;
  readonly #log: Logger;

  constructor(channel: GrpcChannel | undefined, callMsMax: number, log: Logger) {
    super();
    this.#client =
      channel === undefined
        ? undefined
        : new sandbox.SessionToolServiceClient(channel.address, channel.credentials, channel.options);
    this.#callMsMax = callMsMax;
    this.#log = log;
  }

  override async list(scope: SessionScope): Promise<Result<readonly SessionTool[], SessionFailure>> {
    const client = this.#client;
    if (client === undefined) return fail(noScheduler);
    if (!isPrefixedId('sesn', scope.sessionId)) return fail(unknown);
    if (!(await isReady(client))) return fail(unreachable);
    const request = { caller: callerOf(scope), sessionId: scope.sessionId };
    try {
      const { tools } = await callUnary(client.listTools.bind(client), request, { deadlineMs: listMsMax });
      return ok(tools.map(toTool));
    } catch (error) {
      const failure = failureOf(error as ServiceError);
      if (failure.code === 'internal') this.#log.error({ err: error }, 'the scheduler did not list tools');
      // A list has no effect: whatever became of it, it may be asked for again.
      return fail(['stream_lost', 'upstream_timeout'].includes(failure.code) ? unreachable : failure);
    }
  }

  override call(call: SessionCall, onOutput: (bytes: Uint8Array) => void): RunningSessionCall {
    const client = this.#client;
    const refusal = client === undefined ? noScheduler : unknown;
    if (client === undefined || !isPrefixedId('sesn', call.scope.sessionId))
      return { ended: Promise.resolve(fail(refusal)), cancel: () => undefined };
    const running = new RunningCall(onOutput, (error) => {
      this.#log.error({ err: error, callId: call.callId }, 'the scheduler did not run a call');
    });
    const send = () => {
      const options = { deadline: Date.now() + this.#callMsMax };
      running.follow(client.callTool(toRequest(call), new Metadata(), options));
    };
    // One that is connected is asked at once: the way there is part of every call.
    if (client.getChannel().getConnectivityState(true) === connectivityState.READY) send();
    else
      void isReady(client).then((ready) => {
        if (ready) send();
        else running.end(fail(unreachable));
      });
    return running;
  }
}

class RunningCall implements RunningSessionCall {
  readonly ended: Promise<Result<SessionCallEnd, SessionFailure>>;
  readonly #onOutput: (bytes: Uint8Array) => void;
  readonly #onBug: (error: ServiceError) => void;
  readonly #resolve: (end: Result<SessionCallEnd, SessionFailure>) => void;
  #stream: ClientReadableStream<sandbox.CallToolResponse> | undefined;
  #cancelled = false;

  constructor(onOutput: (bytes: Uint8Array) => void, onBug: (error: ServiceError) => void) {
    this.#onOutput = onOutput;
    this.#onBug = onBug;
    ({ promise: this.ended, resolve: this.#resolve } = Promise.withResolvers());
  }

  /** Only the first end counts. */
  end(end: Result<SessionCallEnd, SessionFailure>): void {
    this.#resolve(end);
  }

  follow(stream: ClientReadableStream<sandbox.CallToolResponse>): void {
    if (this.#cancelled) {
      stream.on('error', () => undefined);
      stream.cancel();
      return;
    }
    this.#stream = stream;
    stream.on('data', ({ message }: sandbox.CallToolResponse) => {
      if (message?.$case === 'output') this.#onOutput(message.value);
      if (message?.$case === 'end') this.end(toEnd(message.value));
    });
    stream.on('error', (error: ServiceError) => {
      const failure = this.#cancelled ? ({ code: 'call_cancelled' } as const) : failureOf(error);
      if (failure.code === 'internal') this.#onBug(error);
      this.end(fail(failure));
    });
    stream.on('end', () => this.end(fail(lost)));
  }

  cancel(): void {
    this.#cancelled = true;
    if (this.#stream === undefined)
      this.end(fail({ code: 'call_cancelled', sentence: 'The call was cancelled before it was sent.' }));
    else this.#stream.cancel();
  }
}

function isReady(client: sandbox.SessionToolServiceClient): Promise<boolean> {
  if (client.getChannel().getConnectivityState(true) === connectivityState.READY) return Promise.resolve(true);
  return new Promise((resolve) =>
    client.waitForReady(Date.now() + connectMsMax, (error) => resolve(error === undefined)),
  );
}

/** A status without a reason was made by the transport: then nobody can tell what became of a call. */
function failureOf(error: ServiceError): SessionFailure {
  const reason = reasonOf(error);
  const sentence = error.details;
  switch (error.code) {
    case status.NOT_FOUND:
      return unknown;
    case status.FAILED_PRECONDITION:
      return { code: 'session_ended' };
    case status.RESOURCE_EXHAUSTED:
      if (reason === undefined) return { code: 'response_too_large' };
      return reason === 'queue_full' ? { code: 'queue_full' } : { code: 'session_busy' };
    case status.UNAVAILABLE:
      if (reason === undefined) return sentence.startsWith('No connection established') ? unreachable : lost;
      if (reason === 'audit_unavailable' || reason === 'control_unavailable') return { code: reason };
      return reason === 'shutting_down'
        ? { code: 'shutting_down', sentence: 'The scheduler is shutting down; nothing was run, try again.' }
        : unreachable;
    case status.DEADLINE_EXCEEDED:
      return { code: 'upstream_timeout', sentence: 'The call took longer than a call may; it may have taken effect.' };
    case status.CANCELLED:
      return lost;
    default:
      return reason === undefined && error.code === status.INTERNAL ? lost : { code: 'internal' };
  }
}

function callerOf({ workspaceId, principalId, clientIp }: SessionScope): sandbox.SessionCaller {
  return { workspaceId, principalId, clientIp };
}

function toRequest(call: SessionCall): sandbox.CallToolRequest {
  const { scope, callId, tool, argumentsJson, jsonrpcId, protocolVersion, era, traceparent, client } = call;
  return {
    caller: callerOf(scope),
    sessionId: scope.sessionId,
    callId,
    tool,
    argumentsJson: Buffer.from(argumentsJson.buffer, argumentsJson.byteOffset, argumentsJson.byteLength),
    jsonrpcId,
    protocolVersion,
    modernEra: era === 'modern',
    traceparent,
    clientName: client.name,
    clientVersion: client.version,
  };
}

function toTool({ name, description, inputSchemaJson }: sandbox.ToolDefinition): SessionTool {
  return { name, description, inputSchema: JSON.parse(inputSchemaJson) as Record<string, unknown> };
}

/** An end that we do not understand is none. */
function toEnd({ phase: wirePhase, ...end }: sandbox.CallEnd): Result<SessionCallEnd, SessionFailure> {
  const phase = phases[wirePhase];
  return phase === undefined ? fail(lost) : ok({ ...end, phase });
}
