import type { CallToolResult } from '@modelcontextprotocol/server';
import type { GatewayErrorCode } from '@sallyport/mcp-wire';
import type { SessionCall, SessionCallEnd, SessionCallPhase, SessionTools } from '../../ports/session-tools.ts';
import { CallOutput } from './call-output.ts';
import type { RunningCalls } from './running-calls.ts';
import type { SessionExchange } from './session-exchange.ts';

/** What a tool writes is told at once, and then no more often than this. */
const progressEveryMs = 100;
const clientTextCharactersMax = 64;
const bytesPerCharacter = 2;
const noArguments = Buffer.from('{}');

export interface CallContext {
  readonly tools: SessionTools;
  readonly running: RunningCalls;
  readonly client: { readonly name: string; readonly version: string };
  /** Undefined where the client did not ask for progress. */
  readonly onProgress: ((progress: number, message: string) => void) | undefined;
}

const sentences: Partial<Record<SessionCallPhase, GatewayErrorCode>> = {
  failed: 'call_failed',
  cancelled: 'call_cancelled',
  orphaned: 'call_orphaned',
  unrecorded: 'outcome_unrecorded',
};

/** Runs one tool call, from the request to the result that the agent gets. Throws the exchange's failure where there is none. */
export async function runCall(exchange: SessionExchange, context: CallContext): Promise<CallToolResult> {
  const { id } = exchange.message;
  const { client } = exchange.request;
  const output = new CallOutput();
  const progress = new Progress(exchange, output, context.onProgress);
  const running = context.tools.call(toCall(exchange, context), (piece) => {
    output.push(piece);
    progress.wake();
  });
  const forget = context.running.add(exchange.scope, id?.key ?? '', running);
  // Modern: a client that goes away has cancelled. Legacy: it has not, and its call ends as any other.
  if (exchange.era.era === 'modern') client.onGone(() => running.cancel());
  try {
    const ended = await running.ended;
    progress.finish();
    if (ended.ok) return held(exchange, resultOf(exchange, ended.value, output));
    throw exchange.failWith(ended.reason);
  } finally {
    progress.stop();
    forget();
  }
}

function toCall({ scope, callId, message, era, span, body }: SessionExchange, context: CallContext): SessionCall {
  const { id, target, arguments: place } = message;
  const text = (value: string) => value.slice(0, clientTextCharactersMax).toWellFormed();
  return {
    scope,
    callId,
    tool: target?.value ?? '',
    argumentsJson: place === undefined ? noArguments : body.subarray(place.start, place.end),
    jsonrpcId: id?.raw ?? '',
    protocolVersion: era.version ?? '2025-03-26',
    era: era.era,
    traceparent: span.context.traceparent,
    client: { name: text(context.client.name), version: text(context.client.version) },
  };
}

function resultOf(exchange: SessionExchange, end: SessionCallEnd, output: CallOutput): CallToolResult {
  const { phase, text, isError, message } = end;
  exchange.span.set({ 'sallyport.call.phase': phase });
  if (phase === 'completed') return result(text, isError);
  if (phase === 'failed' && text !== '') return result(text, true);
  if (phase === 'timed_out') {
    const partial = text === '' ? output.tail() : text;
    const sentence = message === '' ? 'The call took longer than it may, and was ended.' : message;
    return result(partial === '' ? sentence : `${partial}\n${sentence}`, true);
  }
  if (phase === 'denied') {
    const sentence = 'The policy does not allow this call in this environment.';
    const data = { reason: end.denialReason, ruleId: end.ruleId };
    throw exchange.fail({ code: 'denied_by_policy', sentence, data });
  }
  const code = sentences[phase] ?? 'call_failed';
  const reason = end.code === '' ? {} : { data: { reason: end.code } };
  throw exchange.fail({ code, ...reason, ...(message === '' ? {} : { sentence: message }) });
}

/** A slow client may keep its result waiting; all that waits is bounded together. */
function held(exchange: SessionExchange, result: CallToolResult): CallToolResult {
  const characters = result.content.reduce((sum, item) => sum + (item.type === 'text' ? item.text.length : 0), 0);
  if (exchange.memory.resize(characters * bytesPerCharacter)) return result;
  const sentence = 'The call was done, but no memory is left to hand out its result.';
  throw exchange.fail({ code: 'response_too_large', sentence, data: { reason: 'memory' } });
}

function result(text: string, isError: boolean): CallToolResult {
  return { content: [{ type: 'text', text }], ...(isError ? { isError } : {}) };
}

/** Tells a client what its call has written, as fast as it takes it and not faster than the bound. */
class Progress {
  readonly #exchange: SessionExchange;
  readonly #output: CallOutput;
  readonly #tell: CallContext['onProgress'];
  #timer: NodeJS.Timeout | undefined;

  constructor(exchange: SessionExchange, output: CallOutput, tell: CallContext['onProgress']) {
    this.#exchange = exchange;
    this.#output = output;
    this.#tell = tell;
  }

  wake(): void {
    if (this.#tell === undefined || this.#timer !== undefined) return;
    this.#flush();
    this.#timer = setInterval(() => this.#flush(), progressEveryMs);
  }

  /** What is left goes out before the result. */
  finish(): void {
    this.stop();
    this.#flush();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #flush(): void {
    const { client } = this.#exchange.request;
    if (this.#tell === undefined || client.isSlow || client.gone) return;
    const text = this.#output.take();
    if (text !== undefined) this.#tell(this.#output.bytes, text);
  }
}
