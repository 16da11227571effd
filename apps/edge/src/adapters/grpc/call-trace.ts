import type { Metadata } from '@grpc/grpc-js';
import { type TraceContext, parseTraceContext } from '@sallyport/telemetry';

/** The trace that a router's call belongs to, from its metadata. */
export function callTrace(metadata: Metadata): TraceContext | undefined {
  return parseTraceContext(first(metadata, 'traceparent'), first(metadata, 'tracestate'));
}

function first(metadata: Metadata, key: string): string | undefined {
  const [value] = metadata.get(key);
  return typeof value === 'string' ? value : undefined;
}
