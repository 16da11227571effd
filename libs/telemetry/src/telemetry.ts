import { type Attributes, createNoopMeter, type Meter, ROOT_CONTEXT, trace, type Tracer } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';
import { z } from 'zod';
import { reportRuntime } from './runtime-metrics.ts';
import { Span, type SpanRole } from './span.ts';
import { newTraceContext, toSpanContext, type TraceContext } from './trace-context.ts';

export interface TelemetryConfig {
  /** Base URL of an OTLP/HTTP collector. Without one nothing is recorded, and contexts are only passed on. */
  readonly otlpEndpoint?: string;
  /** Share of the traces that begin here, 0 to 1; a caller's own decision is kept. */
  readonly sampleRatio: number;
  readonly metricsIntervalMs: number;
}

export function telemetryConfigSchema(app: string) {
  const [endpoint, ratio, interval] = [
    `${app}_OTLP_ENDPOINT`,
    `${app}_TRACE_SAMPLE_RATIO`,
    `${app}_METRICS_INTERVAL_MS`,
  ] as const;
  const shape = {
    [endpoint]: z.url().optional(),
    [ratio]: z.coerce.number().min(0).max(1).default(1),
    [interval]: z.coerce.number().int().min(1_000).default(15_000),
  };
  return z.object(shape).transform((env): TelemetryConfig => {
    const found = env[endpoint] as string | undefined;
    const rest = { sampleRatio: Number(env[ratio]), metricsIntervalMs: Number(env[interval]) };
    return found === undefined ? rest : { otlpEndpoint: found, ...rest };
  });
}

const spansWaitingMax = 4_096;

/** Traces and metrics of one process. Never throws into its caller, never blocks it. */
export class Telemetry {
  readonly meter: Meter;
  readonly #tracer: Tracer | undefined;
  readonly #shutdown: () => Promise<unknown>;

  constructor(meter: Meter, tracer: Tracer | undefined, shutdown: () => Promise<unknown>) {
    this.meter = meter;
    this.#tracer = tracer;
    this.#shutdown = shutdown;
  }

  static start(service: string, config: TelemetryConfig): Telemetry {
    if (config.otlpEndpoint === undefined) return new Telemetry(createNoopMeter(), undefined, () => Promise.resolve());
    const endpoint = config.otlpEndpoint.replace(/\/$/, '');
    const resource = resourceFromAttributes({
      'service.name': `sallyport-${service}`,
      'service.instance.id': String(process.pid),
    });
    const tracers = new TracerProvider({
      resource,
      sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(config.sampleRatio) }),
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }),
          maxQueueSize: spansWaitingMax,
        }),
      ],
    });
    const meters = new MeterProvider({
      resource,
      readers: [
        new PeriodicExportingMetricReader({
          exporter: new OTLPMetricExporter({ url: `${endpoint}/v1/metrics` }),
          exportIntervalMillis: config.metricsIntervalMs,
        }),
      ],
    });
    const meter = meters.getMeter('sallyport');
    const stopRuntime = reportRuntime(meter);
    return new Telemetry(meter, tracers.getTracer('sallyport'), async () => {
      await Promise.allSettled([tracers.shutdown(), meters.shutdown()]);
      stopRuntime();
    });
  }

  /** Begins a span below `parent`, or a new trace. */
  span(name: string, role: SpanRole, parent?: TraceContext, attributes: Attributes = {}): Span {
    const carried = parent ?? newTraceContext();
    if (this.#tracer === undefined) return new Span(undefined, carried);
    const remote = parent === undefined ? undefined : toSpanContext(parent);
    const context = remote === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, remote);
    return new Span(this.#tracer.startSpan(name, { kind: role, attributes }, context), carried);
  }

  /** Nothing to do: it records from the beginning. With `stop` it makes this one of the parts that `runApp` ends, the last of them. */
  start(): Promise<void> {
    return Promise.resolve();
  }

  /** Sends what is waiting. */
  async stop(): Promise<void> {
    await this.#shutdown();
  }
}
