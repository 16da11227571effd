import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { KafkaConnection, KafkaSasl, KafkaTls } from './open-kafka.ts';

const file = z.string().min(1).optional();

/** The environment variables `<PREFIX>_KAFKA_*` of a service, as one piece of its configuration schema; undefined without brokers. The service's name begins its client id and consumer groups: `sallyport-<service>`. */
export function kafkaConfigSchema(app: string, service = app.toLowerCase()) {
  const name = (suffix: string) => `${app}_KAFKA_${suffix}`;
  const shape = {
    [name('BROKERS')]: z.string().optional(),
    [name('TLS')]: z.enum(['on', 'off']).default('off'),
    [name('CA_FILE')]: file,
    [name('CERT_FILE')]: file,
    [name('KEY_FILE')]: file,
    [name('SASL_MECHANISM')]: z.enum(['plain', 'scram-sha-256', 'scram-sha-512', 'oauthbearer']).optional(),
    [name('SASL_USERNAME')]: file,
    [name('SASL_PASSWORD_FILE')]: file,
    /** Holds the current token; whatever renews it replaces the file. */
    [name('SASL_TOKEN_FILE')]: file,
  };
  return z.object(shape).transform((env, context): Omit<KafkaConnection, 'onLog'> | undefined => {
    const text = (suffix: string) => env[name(suffix)];
    const brokers = (text('BROKERS') ?? '')
      .split(',')
      .map((broker) => broker.trim())
      .filter((broker) => broker !== '');
    if (brokers.length === 0) return undefined;
    const refuse = (suffix: string, message: string) => {
      context.addIssue({ code: 'custom', path: [name(suffix)], message });
      return z.NEVER;
    };
    if (brokers.some((broker) => !/^[^\s:/]+:\d{1,5}$|^\[[0-9a-f:]+\]:\d{1,5}$/i.test(broker))) {
      return refuse('BROKERS', 'must be host:port, separated by commas');
    }
    if ((text('CERT_FILE') === undefined) !== (text('KEY_FILE') === undefined)) {
      return refuse('CERT_FILE', 'certificate and key come together');
    }
    const isTls = text('TLS') === 'on';
    if (!isTls && (text('CA_FILE') ?? text('CERT_FILE')) !== undefined)
      return refuse('TLS', 'must be on for certificates');
    const sasl = saslOf(text);
    if (sasl === 'incomplete')
      return refuse('SASL_MECHANISM', 'needs its username and password file, or its token file');
    return {
      brokers,
      clientId: `sallyport-${service}`,
      ...(isTls ? { tls: tlsOf(text) } : {}),
      ...(sasl === undefined ? {} : { sasl }),
    };
  });
}

function tlsOf(text: (suffix: string) => string | undefined): KafkaTls {
  const [caFile, certFile, keyFile] = [text('CA_FILE'), text('CERT_FILE'), text('KEY_FILE')];
  return {
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
  };
}

function saslOf(text: (suffix: string) => string | undefined): KafkaSasl | 'incomplete' | undefined {
  const mechanism = text('SASL_MECHANISM') as KafkaSasl['mechanism'] | undefined;
  if (mechanism === undefined) return undefined;
  if (mechanism === 'oauthbearer') {
    const tokenFile = text('SASL_TOKEN_FILE');
    if (tokenFile === undefined) return 'incomplete';
    return { mechanism, token: async () => readFileSync(tokenFile, 'utf8').trim() };
  }
  const [username, passwordFile] = [text('SASL_USERNAME'), text('SASL_PASSWORD_FILE')];
  return username === undefined || passwordFile === undefined ? 'incomplete' : { mechanism, username, passwordFile };
}
