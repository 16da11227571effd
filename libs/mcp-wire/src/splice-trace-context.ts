import { applyEdits, type ByteEdit, type SplicedBytes } from './byte-edits.ts';
import type { InspectedMessage, ObjectPlace } from './inspect-request-body.ts';
import { asBuffer } from './utf8.ts';

/** W3C Trace Context header values; `tracestate` is left as the client sent it when absent here. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/**
 * Puts our trace context into `params._meta`, creating `params` and `_meta` where they are missing (MCP 2026-07-28,
 * "Trace Context"). Every other byte stays as it was. A response has no `params` and is returned as it is.
 */
export function spliceTraceContext(body: Uint8Array, inspected: InspectedMessage, trace: TraceContext): SplicedBytes {
  const bytes = asBuffer(body);
  if (inspected.kind === 'response') return applyEdits(bytes, []);
  const { places } = inspected;
  const edits: ByteEdit[] = [];
  const added: string[] = [];
  for (const name of ['traceparent', 'tracestate'] as const) {
    const value = trace[name];
    if (value === undefined) continue;
    const span = places[name];
    if (span === undefined) added.push(`${JSON.stringify(name)}:${JSON.stringify(value)}`);
    else edits.push({ ...span, text: JSON.stringify(value) });
  }
  if (added.length > 0) edits.push(insertion(places, added.join(',')));
  return applyEdits(bytes, edits);
}

function insertion(places: InspectedMessage['places'], members: string): ByteEdit {
  if (places.meta !== undefined) return membersAt(places.meta, members);
  if (places.params !== undefined) return membersAt(places.params, `"_meta":{${members}}`);
  return membersAt(places.root, `"params":{"_meta":{${members}}}`);
}

function membersAt(place: ObjectPlace, members: string): ByteEdit {
  return { start: place.open, end: place.open, text: place.empty ? members : `${members},` };
}
