import { type KafkaConnection, kafkaConfigSchema } from '@sallyport/kafka';
import { type PgConfig, pgConfigSchema } from '@sallyport/pg';
import { z } from 'zod';

/** Which event log a service talks to. */
export type EventLogConfig =
  | { readonly kind: 'postgres'; readonly pg: PgConfig }
  | { readonly kind: 'kafka'; readonly kafka: Omit<KafkaConnection, 'onLog'> };

/** `<APP>_EVENT_LOG` = `postgres` with `<APP>_EVENT_LOG_PG_*`, or `kafka` with `<APP>_EVENT_LOG_KAFKA_*`. */
export function eventLogConfigSchema(app: string) {
  const name = `${app}_EVENT_LOG`;
  const pg = pgConfigSchema(name, { schema: 'event_log', connectionsMax: 4 });
  const kafka = kafkaConfigSchema(name, app.toLowerCase());
  return z
    .looseObject({ [name]: z.enum(['postgres', 'kafka']).default('postgres') })
    .transform((env, context): EventLogConfig => {
      const isKafka = env[name] === 'kafka';
      const parsed = isKafka ? kafka.safeParse(env) : pg.safeParse(env);
      if (!parsed.success) {
        for (const issue of parsed.error.issues)
          context.addIssue({ code: 'custom', message: issue.message, path: issue.path });
        return z.NEVER;
      }
      if (parsed.data === undefined) {
        context.addIssue({
          code: 'custom',
          message: 'brokers are needed where the event log is kafka',
          path: [`${name}_KAFKA_BROKERS`],
        });
        return z.NEVER;
      }
      return 'brokers' in parsed.data ? { kind: 'kafka', kafka: parsed.data } : { kind: 'postgres', pg: parsed.data };
    });
}
