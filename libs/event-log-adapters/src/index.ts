export { EventLogConnection } from './event-log-connection.ts';
export { type EventLogConfig, eventLogConfigSchema } from './event-log-config.ts';
