import { randomBytes } from 'node:crypto';
import { type SpanContext, TraceFlags } from '@opentelemetry/api';
import { parseTraceParent, TraceState } from '@opentelemetry/core';

/** The context of a trace as it travels: W3C Trace Context level 1. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

const traceStateCharactersMax = 512;

/** Undefined where the text is no valid `traceparent`: a broken context is dropped, never passed on (§3.2 of the recommendation). */
export function parseTraceContext(traceparent: string | undefined, tracestate?: string): TraceContext | undefined {
  if (traceparent === undefined || parseTraceParent(traceparent) === null) return undefined;
  const keepsState = tracestate !== undefined && tracestate.length > 0 && tracestate.length <= traceStateCharactersMax;
  return keepsState ? { traceparent, tracestate } : { traceparent };
}

/** A new trace that nobody records: it still joins logs, events and the upstream's own spans. */
export function newTraceContext(): TraceContext {
  const random = randomBytes(24);
  return { traceparent: `00-${random.toString('hex', 0, 16)}-${random.toString('hex', 16)}-00` };
}

export function toSpanContext(context: TraceContext): SpanContext | undefined {
  const parsed = parseTraceParent(context.traceparent);
  if (parsed === null) return undefined;
  return {
    ...parsed,
    isRemote: true,
    ...(context.tracestate === undefined ? {} : { traceState: new TraceState(context.tracestate) }),
  };
}

export function fromSpanContext(context: SpanContext): TraceContext {
  const flags = (context.traceFlags & TraceFlags.SAMPLED).toString(16).padStart(2, '0');
  const tracestate = context.traceState?.serialize();
  const traceparent = `00-${context.traceId}-${context.spanId}-${flags}`;
  return tracestate === undefined || tracestate === '' ? { traceparent } : { traceparent, tracestate };
}
