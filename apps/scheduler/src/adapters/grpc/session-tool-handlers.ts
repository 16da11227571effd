import type { ServerWritableStream } from '@grpc/grpc-js';
import { sandbox as wire } from '@sallyport/contracts';
import { type GrpcService, serviceName } from '@sallyport/grpc';
import { isPrefixedId } from '@sallyport/ids';
import type { Logger } from '@sallyport/telemetry';
import type { CallTool, CallToolAnswer, ToolCallAsk } from '../../application/call-tool.ts';
import type { CallEnd } from '../../application/tool-call.ts';
import { viewOf } from './bytes-view.ts';
import { brokenFailure, callFailure, changeFailure } from './to-status.ts';

type Call = ServerWritableStream<wire.CallToolRequest, wire.CallToolResponse>;

/** Output that a slow reader has not taken: beyond it pieces are left out. The result is whole in any case. */
const unreadOutputBytesMax = 256 * 1024;
const argumentsBytesMax = 4 * 1024 * 1024;
const traceparentShape = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

const phases = {
  completed: wire.CallEndPhase.COMPLETED,
  failed: wire.CallEndPhase.FAILED,
  timed_out: wire.CallEndPhase.TIMED_OUT,
  cancelled: wire.CallEndPhase.CANCELLED,
  orphaned: wire.CallEndPhase.ORPHANED,
  unrecorded: wire.CallEndPhase.UNRECORDED,
} as const satisfies Record<CallEnd['phase'], wire.CallEndPhase>;

export function sessionToolService(callTool: CallTool, log: Logger): GrpcService {
  const failed = (error: unknown) => {
    log.error({ err: error }, 'a request about a session’s tools failed');
    return brokenFailure(error);
  };
  const implementation: wire.SessionToolServiceServer = {
    listTools({ request }, callback) {
      const { caller, sessionId } = request;
      if (caller === undefined || !isPrefixedId('sesn', sessionId)) return callback(changeFailure('bad_request'));
      callTool.tools(caller, sessionId).then(
        (tools) =>
          tools.ok
            ? callback(null, {
                tools: tools.value.map(({ name, description, inputSchema }) => ({
                  name,
                  description,
                  inputSchemaJson: JSON.stringify(inputSchema),
                })),
              })
            : callback(callFailure(tools.reason)),
        (error: unknown) => callback(failed(error)),
      );
    },
    callTool(call: Call) {
      const cancelled = new AbortController();
      let isOver = false;
      // Said of every stream that closes, also of one that has ended as it should.
      call.on('cancelled', () => !isOver && cancelled.abort());
      const ask = readAsk(call, cancelled.signal);
      if (ask === undefined) return void call.emit('error', changeFailure('bad_request'));
      callTool.run(ask).then(
        (answer) => {
          isOver = true;
          if (!answer.ok) return call.emit('error', callFailure(answer.reason));
          call.write({ message: { $case: 'end', value: toEnd(answer.value) } });
          return call.end();
        },
        (error: unknown) => call.emit('error', failed(error)),
      );
    },
  };
  const callers = { listTools: [serviceName.router], callTool: [serviceName.router] };
  return { definition: wire.SessionToolServiceService, implementation, callers };
}

function readAsk(call: Call, signal: AbortSignal): ToolCallAsk | undefined {
  const { request } = call;
  const { caller, sessionId, callId, argumentsJson, traceparent } = request;
  if (caller === undefined || !isPrefixedId('sesn', sessionId) || !isPrefixedId('call', callId)) return undefined;
  if (argumentsJson.length > argumentsBytesMax || !traceparentShape.test(traceparent)) return undefined;
  return {
    caller,
    sessionId,
    callId,
    tool: request.tool,
    argumentsJson,
    jsonrpcId: request.jsonrpcId,
    protocolVersion: request.protocolVersion,
    era: request.modernEra ? 'modern' : 'legacy',
    traceparent,
    clientName: request.clientName,
    clientVersion: request.clientVersion,
    signal,
    onOutput: boundedOutput(call),
  };
}

/** Output goes out as far as the reader takes it. */
function boundedOutput(call: Call): (data: Uint8Array) => void {
  let unreadBytes = 0;
  return (data) => {
    if (unreadBytes + data.length > unreadOutputBytesMax) return;
    unreadBytes += data.length;
    call.write({ message: { $case: 'output', value: viewOf(data) } }, () => {
      unreadBytes -= data.length;
    });
  };
}

function toEnd(answer: CallToolAnswer): wire.CallEnd {
  const nothing = { text: '', isError: true, code: '', message: '', ruleId: '', denialReason: '' };
  if (answer.kind === 'denied') {
    const { ruleId, reason } = answer.answer;
    return { ...nothing, phase: wire.CallEndPhase.DENIED, ruleId, denialReason: reason, code: 'denied_by_policy' };
  }
  const { phase, text, isError, code, message } = answer.end;
  return { ...nothing, phase: phases[phase], text, isError, code, message };
}
