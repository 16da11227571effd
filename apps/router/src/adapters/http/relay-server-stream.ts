import {
  filterList,
  listShapes,
  reframeSseEvent,
  ResponseScanner,
  type ScannedMessage,
  type SseEvent,
  SseEventReader,
} from '@sallyport/mcp-wire';
import type { CallInFlight, EndFacts } from '../../application/call-in-flight.ts';
import { endFromAnswer } from '../../domain/call-outcome.ts';
import { type EntryRule, entryRule } from '../../domain/entry-rule.ts';
import type { Route } from '../../ports/routes.ts';
import type { UpstreamResponse } from '../../ports/upstreams.ts';
import { answerOf } from './answer-of.ts';
import type { ClientResponse } from './client-response.ts';
import { MemoryShare, type MemoryBudget } from './memory-budget.ts';
import { pump } from './relay-plain.ts';

export interface ServerStream {
  readonly route: Route;
  readonly eventBytesMax: number;
  readonly memory: MemoryBudget;
  /** The open call that a JSON-RPC id of this client names. */
  readonly callOf: (jsonrpcIdKey: string) => CallInFlight | undefined;
  readonly onAnswered: (call: CallInFlight) => void;
  readonly resultFacts: (call: CallInFlight, message: Uint8Array) => Pick<EndFacts, 'result'>;
}

/**
 * Relays the stream that a legacy client opened with GET, one whole event after the other: with `Last-Event-ID` it may bring the answer to
 * anything that was asked before. An answer to a call waits for the end of that call; lists lose what policy hides, whatever asked for
 * them. What cannot be read without doubt ends the stream.
 */
export async function relayServerStream(
  stream: ServerStream,
  upstream: UpstreamResponse,
  client: ClientResponse,
): Promise<void> {
  const reader = new SseEventReader(stream.eventBytesMax);
  const held = new MemoryShare(stream.memory);
  const allowed = entryRule(stream.route);
  let refused = false;
  client.head(upstream.status, upstream.headers);
  client.flushHead();
  client.keepAlive(() => !refused); // what goes out are whole events
  try {
    await pump(upstream.body, async (chunk) => {
      for (const piece of reader.push(chunk)) {
        const passed = piece.type === 'event' ? await release(stream, upstream.status, piece, allowed) : undefined;
        if (passed === undefined) refused = true;
        else if (!client.write(passed)) await client.drained();
        if (refused) break;
      }
      if (!held.resize(reader.heldBytes)) refused = true;
      if (refused) upstream.body.destroy();
    });
  } finally {
    held.release();
  }
  if (refused || !upstream.body.readableEnded || reader.rest().length > 0) client.cut();
  else client.end();
}

/** What goes out of an event, undefined where nothing may. */
async function release(
  stream: ServerStream,
  httpStatus: number,
  { raw, data }: SseEvent,
  allowed: EntryRule,
): Promise<Buffer | undefined> {
  if (data === undefined || data.length === 0) return raw;
  const scanner = new ResponseScanner();
  for (let at = 0; at < data.length && scanner.fault === undefined;) at = scanner.push(data, at) + 1;
  if (scanner.fault !== undefined) return scanner.opened ? undefined : raw;
  const { message } = scanner;
  if (message === undefined || (message.kind !== 'result' && message.kind !== 'error')) return raw;
  const call = message.id === undefined ? undefined : stream.callOf(message.id.key);
  if (call !== undefined) return (await endCall(stream, httpStatus, call, message, data)) ? raw : undefined;
  return withoutHiddenEntries(raw, data, allowed);
}

async function endCall(
  stream: ServerStream,
  httpStatus: number,
  call: CallInFlight,
  message: ScannedMessage,
  data: Buffer,
): Promise<boolean> {
  stream.onAnswered(call);
  const { phase, ...end } = endFromAnswer({ httpStatus, message: answerOf(message, message.id?.key ?? '') });
  return (await call.end(phase, end, { httpStatus, ...stream.resultFacts(call, data) })) === 'recorded';
}

function withoutHiddenEntries(raw: Buffer, data: Buffer, allowed: EntryRule): Buffer | undefined {
  let message = data;
  for (const [method, shape] of listShapes) {
    const filtered = filterList(message, shape, (name) => allowed(method, name));
    if (!filtered.ok) return undefined;
    if (filtered.value.removed.length > 0) message = Buffer.concat(filtered.value.pieces, filtered.value.byteLength);
  }
  return message === data ? raw : reframeSseEvent(raw, message);
}
