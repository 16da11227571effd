import {
  BytePieces,
  filterList,
  type ListShape,
  listShapes,
  reframeSseEvent,
  type SseEvent,
  SseEventReader,
} from '@sallyport/mcp-wire';
import { entryRule } from '../../domain/entry-rule.ts';
import type { Route } from '../../ports/routes.ts';
import type { UpstreamResponse } from '../../ports/upstreams.ts';
import type { ClientResponse } from './client-response.ts';
import { MemoryShare, type MemoryBudget } from './memory-budget.ts';
import { bodyKind, pump, relayPlain } from './relay-plain.ts';

export interface ListRequest {
  readonly method: string;
  readonly route: Route;
  readonly id: { readonly raw: string };
  readonly listBytesMax: number;
  readonly memory: MemoryBudget;
}

type Filter = (message: Uint8Array) => Buffer | undefined;

const successStatusEnd = 300;

/**
 * Relays a list without the entries that policy would not let the client use. A list that cannot be read without doubt is withheld. What is
 * no list, for its status, goes out as it is.
 */
export async function relayList(list: ListRequest, upstream: UpstreamResponse, client: ClientResponse): Promise<void> {
  const shape = listShapes.get(list.method);
  if (shape === undefined || upstream.status >= successStatusEnd) return relayPlain(upstream, client);
  const held = new MemoryShare(list.memory);
  try {
    const kind = bodyKind(upstream);
    const filter = kind === 'json' || kind === 'event_stream' ? filterOf(list, shape) : onlyEmpty;
    if (kind === 'event_stream') await relayStreamedList(list, { filter, held }, upstream, client);
    else await relayWholeList(list, { filter, held }, upstream, client);
  } finally {
    held.release();
  }
}

function filterOf({ method, route }: ListRequest, shape: ListShape): Filter {
  const allowed = entryRule(route);
  return (message) => {
    if (message.length === 0) return Buffer.alloc(0);
    const filtered = filterList(message, shape, (name) => allowed(method, name));
    return filtered.ok ? Buffer.concat(filtered.value.pieces, filtered.value.byteLength) : undefined;
  };
}

/** What is neither JSON nor an event stream may not hold anything: clients differ in what they take for JSON. */
const onlyEmpty: Filter = (message) => (message.length === 0 ? Buffer.alloc(0) : undefined);

interface Held {
  readonly filter: Filter;
  readonly held: MemoryShare;
}

async function relayWholeList(
  list: ListRequest,
  { filter, held }: Held,
  upstream: UpstreamResponse,
  client: ClientResponse,
): Promise<void> {
  const pieces = new BytePieces();
  let refusal: 'response_too_large' | 'too_many_requests' | undefined;
  await pump(upstream.body, (chunk) => {
    const bytes = pieces.length + chunk.length;
    if (bytes > list.listBytesMax) refusal = 'response_too_large';
    else if (!held.resize(bytes)) refusal = 'too_many_requests';
    else pieces.push(chunk);
    if (refusal !== undefined) upstream.body.destroy();
  });
  if (refusal !== undefined) return client.error({ code: refusal, id: list.id });
  if (!upstream.body.readableEnded) {
    const { code, sentence, reason } = upstream.broken();
    return client.error({ code, id: list.id, sentence, data: { reason } });
  }
  const filtered = filter(pieces.join());
  if (filtered === undefined) return client.error({ code: 'upstream_malformed', id: list.id });
  client.head(upstream.status, upstream.headers, filtered.length);
  client.end(filtered);
}

async function relayStreamedList(
  list: ListRequest,
  { filter, held }: Held,
  upstream: UpstreamResponse,
  client: ClientResponse,
): Promise<void> {
  const reader = new SseEventReader(list.listBytesMax);
  let refused = false;
  client.head(upstream.status, upstream.headers);
  client.flushHead();
  client.keepAlive(() => !refused); // what goes out are whole events
  await pump(upstream.body, async (chunk) => {
    for (const piece of reader.push(chunk)) {
      const passed = piece.type === 'event' ? filteredEvent(piece, filter) : undefined;
      if (passed === undefined) refused = true;
      else if (!client.write(passed)) await client.drained();
      if (refused) break;
    }
    if (!held.resize(reader.heldBytes)) refused = true;
    if (refused) upstream.body.destroy();
  });
  // An unfinished event is no event, but some clients read it at the end of the stream: it was not looked at, so it does not go out.
  if (refused || !upstream.body.readableEnded || reader.rest().length > 0) client.cut();
  else client.end();
}

function filteredEvent({ raw, data }: SseEvent, filter: Filter): Buffer | undefined {
  if (data === undefined || data.length === 0) return raw;
  const filtered = filter(data);
  if (filtered === undefined) return undefined;
  return filtered.equals(data) ? raw : reframeSseEvent(raw, filtered);
}
