import { type Attributes, type Span as OtelSpan, SpanKind, SpanStatusCode } from '@opentelemetry/api';
import { fromSpanContext, type TraceContext } from './trace-context.ts';

export const SpanRole = {
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;
export type SpanRole = (typeof SpanRole)[keyof typeof SpanRole];

/** One piece of work in a trace. Its context is what the next hop gets. */
export class Span {
  readonly context: TraceContext;
  readonly #span: OtelSpan | undefined;

  /** Without a recording span it only carries the context on. */
  constructor(span: OtelSpan | undefined, carried: TraceContext) {
    this.#span = span;
    this.context = span === undefined ? carried : fromSpanContext(span.spanContext());
  }

  get traceId(): string {
    return this.context.traceparent.slice(3, 35);
  }

  get spanId(): string {
    return this.context.traceparent.slice(36, 52);
  }

  set(attributes: Attributes): void {
    this.#span?.setAttributes(attributes);
  }

  /** `error` is a stable code, never a message that could hold a payload. */
  end(error?: string): void {
    if (error !== undefined) {
      this.#span?.setAttribute('error.type', error);
      this.#span?.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.#span?.end();
  }
}
