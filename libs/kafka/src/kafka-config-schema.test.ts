import { describe, expect, it } from 'vitest';
import { kafkaConfigSchema } from './kafka-config-schema.ts';

const schema = kafkaConfigSchema('AUDIT');
const problems = (env: Record<string, string>) =>
  schema.safeParse(env).error?.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`) ?? [];

describe('kafkaConfigSchema', () => {
  it('is undefined without brokers', () => {
    expect(schema.parse({})).toBeUndefined();
    expect(schema.parse({ AUDIT_KAFKA_BROKERS: ' , ' })).toBeUndefined();
  });

  it('takes brokers, TLS and SASL', async () => {
    expect(schema.parse({ AUDIT_KAFKA_BROKERS: 'a:9092, [::1]:9093' })).toEqual({
      brokers: ['a:9092', '[::1]:9093'],
      clientId: 'sallyport-audit',
    });
    expect(
      schema.parse({
        AUDIT_KAFKA_BROKERS: 'a:1',
        AUDIT_KAFKA_TLS: 'on',
        AUDIT_KAFKA_CA_FILE: '/ca',
        AUDIT_KAFKA_SASL_MECHANISM: 'scram-sha-512',
        AUDIT_KAFKA_SASL_USERNAME: 'u',
        AUDIT_KAFKA_SASL_PASSWORD_FILE: '/p',
      }),
    ).toMatchObject({
      tls: { caFile: '/ca' },
      sasl: { mechanism: 'scram-sha-512', username: 'u', passwordFile: '/p' },
    });
  });

  it.each([
    [{ AUDIT_KAFKA_BROKERS: 'kafka' }, /BROKERS: must be host:port/],
    [{ AUDIT_KAFKA_BROKERS: 'kafka://a:1' }, /BROKERS/],
    [{ AUDIT_KAFKA_BROKERS: 'a:1', AUDIT_KAFKA_CA_FILE: '/ca' }, /TLS: must be on/],
    [{ AUDIT_KAFKA_BROKERS: 'a:1', AUDIT_KAFKA_TLS: 'on', AUDIT_KAFKA_CERT_FILE: '/c' }, /come together/],
    [{ AUDIT_KAFKA_BROKERS: 'a:1', AUDIT_KAFKA_SASL_MECHANISM: 'plain' }, /needs its username/],
    [{ AUDIT_KAFKA_BROKERS: 'a:1', AUDIT_KAFKA_SASL_MECHANISM: 'oauthbearer' }, /token file/],
    [{ AUDIT_KAFKA_BROKERS: 'a:1', AUDIT_KAFKA_SASL_MECHANISM: 'gssapi' }, /SASL_MECHANISM/],
  ])('refuses %j', (env, message) => {
    expect(problems(env)).toEqual([expect.stringMatching(message)]);
  });
});
