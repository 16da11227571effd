export { type Logger, createLogger, type LogConfig, logConfigSchema } from './logger.ts';
export { Telemetry, type TelemetryConfig, telemetryConfigSchema } from './telemetry.ts';
export { type TraceContext, newTraceContext, parseTraceContext } from './trace-context.ts';
export { Span, SpanRole } from './span.ts';
