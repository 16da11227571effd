/** How a call can end, as its public events name it. */
export type CallEndStatus =
  | 'ok'
  | 'input_required'
  | 'task'
  | 'tool_error'
  | 'jsonrpc_error'
  | 'http_error'
  | 'transport_error'
  | 'invalid_response'
  | 'deadline'
  | 'client_cancelled'
  | 'client_gone';

/** What was seen of an upstream's answer to a tool call. */
export interface AnswerSeen {
  readonly httpStatus: number;
  /** The JSON-RPC message that answers the call's id; undefined where none came. */
  readonly message:
    | {
        readonly kind: 'result' | 'error';
        readonly isError?: boolean;
        readonly resultType?: string;
        readonly errorCode?: number;
      }
    | undefined;
}

export interface CallEnd {
  readonly phase: 'completed' | 'failed';
  readonly status: CallEndStatus;
  readonly code?: string;
  readonly effect: 'reported' | 'none' | 'unknown';
}

const httpErrorMin = 400;
/** The statuses with which an MCP server refuses a message before it looks at the tool. */
const refusedBeforeEffect = new Set([400, 401, 403, 404, 405, 406, 415, 429]);

/** How a call ended, from its answer alone. `input_required` and task hand-offs are answers: what follows them is a new call. */
export function endFromAnswer(seen: AnswerSeen): CallEnd {
  const { message, httpStatus } = seen;
  if (message === undefined) {
    if (httpStatus < httpErrorMin) return { phase: 'failed', status: 'invalid_response', effect: 'unknown' };
    return {
      phase: 'failed',
      status: 'http_error',
      code: `http_${httpStatus}`,
      effect: refusedBeforeEffect.has(httpStatus) ? 'none' : 'unknown',
    };
  }
  if (message.kind === 'error') {
    const code = message.errorCode === undefined ? 'unnumbered' : String(message.errorCode);
    return {
      phase: 'failed',
      status: 'jsonrpc_error',
      code,
      effect: httpStatus >= httpErrorMin && refusedBeforeEffect.has(httpStatus) ? 'none' : 'unknown',
    };
  }
  if (message.isError === true) return { phase: 'failed', status: 'tool_error', effect: 'reported' };
  if (message.resultType === 'input_required') return { phase: 'completed', status: 'input_required', effect: 'none' };
  if (message.resultType === 'task') return { phase: 'completed', status: 'task', effect: 'reported' };
  return { phase: 'completed', status: 'ok', effect: 'reported' };
}
