import { ProtocolError } from '@modelcontextprotocol/server';
import { type GatewayErrorInput, gatewayErrors, type InspectedMessage, type MessageEra } from '@sallyport/mcp-wire';
import type { Span } from '@sallyport/telemetry';
import type { SessionFailure, SessionScope } from '../../ports/session-tools.ts';
import type { AcceptedRequest } from '../http/destination.ts';
import { MemoryShare } from '../http/memory-budget.ts';

/** One message to a session and its answer. */
export class SessionExchange {
  readonly request: AcceptedRequest;
  readonly scope: SessionScope;
  readonly body: Buffer;
  readonly message: InspectedMessage;
  readonly era: MessageEra;
  readonly span: Span;
  /** Empty for what is no tool call. */
  readonly callId: string;
  /** Holds what the answer takes, until it is written. */
  readonly memory: MemoryShare;
  #failure: GatewayErrorInput | undefined;

  constructor(parts: Pick<SessionExchange, 'request' | 'scope' | 'body' | 'message' | 'era' | 'span' | 'callId'>) {
    this.request = parts.request;
    this.scope = parts.scope;
    this.body = parts.body;
    this.message = parts.message;
    this.era = parts.era;
    this.span = parts.span;
    this.callId = parts.callId;
    this.memory = new MemoryShare(parts.request.memory);
  }

  /** What the client is told with a status of HTTP, as long as no part of the answer has left. */
  get failure(): GatewayErrorInput | undefined {
    return this.#failure;
  }

  /** The same error twice: for HTTP, and to be thrown in a handler of the SDK for an answer that has begun. */
  fail({ code, sentence, data }: Omit<GatewayErrorInput, 'id' | 'rpcCode'>): ProtocolError {
    const named = this.callId === '' ? { ...data } : { ...data, callId: this.callId };
    const message = sentence ?? gatewayErrors[code].sentence;
    this.#failure = { code, id: this.message.id, sentence: message, data: named };
    return new ProtocolError(gatewayErrors[code].rpcCode, message, { ...named, code, source: 'sallyport' });
  }

  failWith({ code, sentence }: SessionFailure): ProtocolError {
    return this.fail(sentence === undefined ? { code } : { code, sentence });
  }
}
