import { describe, expect, it } from 'vitest';
import { eventLogConfigSchema } from './event-log-config.ts';

const parse = (env: Record<string, string>) => eventLogConfigSchema('APP').safeParse(env);
const problem = (env: Record<string, string>) => parse(env).error?.issues.map((issue) => issue.path.join('.'));

describe('event log configuration', () => {
  it('is PostgreSQL unless Kafka is named', () => {
    expect(parse({ APP_EVENT_LOG_PG_URL: 'postgresql://x' }).data).toMatchObject({
      kind: 'postgres',
      pg: { url: 'postgresql://x', schema: 'event_log' },
    });
    expect(parse({ APP_EVENT_LOG: 'kafka', APP_EVENT_LOG_KAFKA_BROKERS: 'a:9092, b:9092' }).data).toMatchObject({
      kind: 'kafka',
      kafka: { brokers: ['a:9092', 'b:9092'], clientId: 'sallyport-app' },
    });
  });

  it('names the variable that is missing or wrong', () => {
    expect(problem({})).toEqual(['APP_EVENT_LOG_PG_URL']);
    expect(problem({ APP_EVENT_LOG: 'kafka' })).toEqual(['APP_EVENT_LOG_KAFKA_BROKERS']);
    expect(problem({ APP_EVENT_LOG: 'kafka', APP_EVENT_LOG_KAFKA_BROKERS: 'nonsense' })).toEqual([
      'APP_EVENT_LOG_KAFKA_BROKERS',
    ]);
    expect(problem({ APP_EVENT_LOG: 'files' })).toEqual(['APP_EVENT_LOG']);
  });
});
