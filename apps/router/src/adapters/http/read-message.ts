import type { IncomingMessage } from 'node:http';
import {
  checkHeaders,
  defaultBodyLimits,
  type GatewayErrorInput,
  type InspectedMessage,
  inspectRequestBody,
  type MessageEra,
} from '@sallyport/mcp-wire';
import { fail, ok, type Result } from '@sallyport/result';
import { parseTraceContext, type Span, SpanRole, type Telemetry } from '@sallyport/telemetry';

/** The one reading of a body that everything is decided on. */
export function readMessage(body: Buffer, bytesMax: number): Result<InspectedMessage, GatewayErrorInput> {
  const inspected = inspectRequestBody(body, { ...defaultBodyLimits, bytesMax });
  if (inspected.ok) return inspected;
  const { code: reason, sentence, rpcCode, id } = inspected.reason;
  const code = reason === 'body_too_large' ? 'body_too_large' : rpcCode === -32700 ? 'parse_error' : 'invalid_message';
  return fail({ code, id, sentence, rpcCode, data: { reason } });
}

/** The era of a message, where its headers agree with it. */
export function readEra(incoming: IncomingMessage, message: InspectedMessage): Result<MessageEra, GatewayErrorInput> {
  const era = checkHeaders(incoming.headersDistinct, message);
  if (era.ok) return ok(era.value);
  const { code: reason, sentence, rpcCode } = era.reason;
  return fail({ code: 'header_mismatch', id: message.id, sentence, rpcCode, data: { reason } });
}

/** The context in `_meta` is nearer to the agent than the header's, which a proxy may have made. */
export function messageSpan(
  telemetry: Telemetry,
  name: string,
  incoming: IncomingMessage,
  message: InspectedMessage | undefined,
): Span {
  const { traceparent, tracestate } = incoming.headers;
  const parent =
    parseTraceContext(message?.traceparent, message?.tracestate) ??
    parseTraceContext(one(traceparent), one(tracestate));
  return telemetry.span(name, SpanRole.server, parent, { 'mcp.method.name': message?.method ?? '' });
}

export function one(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
