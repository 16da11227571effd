import { type Logger, pino } from 'pino';
import { z } from 'zod';

export type { Logger } from 'pino';

export interface LogConfig {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
}

export function logConfigSchema(app: string) {
  const name = `${app}_LOG_LEVEL`;
  return z
    .object({ [name]: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info') })
    .transform((env): LogConfig => ({ level: env[name] ?? 'info' }));
}

/** Names under which a credential or a payload might reach a log by mistake. Nothing logs them on purpose. */
const redactedPaths = [
  'authorization',
  'token',
  'secret',
  'password',
  'apiKey',
  'credential',
  'cookie',
  'body',
  'arguments',
].flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/** JSON lines on standard output. Error objects go under `err`; a request's trace under `traceId` and `spanId`. */
export function createLogger(service: string, config: LogConfig): Logger {
  return pino({
    level: config.level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: { paths: redactedPaths, censor: '[redacted]' },
  });
}
