import { readFileSync } from 'node:fs';
import kafkajs, { type Kafka, type KafkaConfig as ClientConfig, type SASLOptions } from 'kafkajs';
import { stopNegativeTimeouts } from './stop-negative-timeouts.ts';

export type KafkaSasl =
  | {
      readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
      readonly username: string;
      /** Read at each new client, so that a rotated password needs a reconnect only. */
      readonly passwordFile: string;
    }
  | {
      readonly mechanism: 'oauthbearer';
      /** Asked at every authentication: a token that is still valid. */
      readonly token: () => Promise<string>;
    };

export interface KafkaTls {
  /** PEM. Without it the system's roots are trusted. */
  readonly caFile?: string;
  /** PEM, for brokers that ask for a client certificate. */
  readonly certFile?: string;
  readonly keyFile?: string;
}

export interface KafkaConnection {
  /** `host:port`. */
  readonly brokers: readonly string[];
  readonly clientId: string;
  readonly tls?: KafkaTls;
  readonly sasl?: KafkaSasl;
  readonly onLog?: (entry: KafkaLogEntry) => void;
}

/** A line of the client library. Its fields never hold records. */
export interface KafkaLogEntry {
  readonly level: 'error' | 'warn' | 'info' | 'debug';
  readonly component: string;
  readonly message: string;
  readonly broker?: string;
}

const connectMsMax = 3_000;
const requestMsMax = 10_000;
const retryFirstMs = 100;
const retryMostMs = 2_000;
const retriesMax = 4;
const levelNames = {
  [kafkajs.logLevel.ERROR]: 'error',
  [kafkajs.logLevel.WARN]: 'warn',
  [kafkajs.logLevel.DEBUG]: 'debug',
} as const;

/** A client for the brokers; it connects when its publishers and readers do. Throws where a file cannot be read. */
export function openKafka(connection: KafkaConnection): Kafka {
  stopNegativeTimeouts();
  const { tls, sasl, onLog } = connection;
  const config: ClientConfig = {
    brokers: [...connection.brokers],
    clientId: connection.clientId,
    connectionTimeout: connectMsMax,
    authenticationTimeout: requestMsMax,
    requestTimeout: requestMsMax,
    enforceRequestTimeout: true,
    retry: { initialRetryTime: retryFirstMs, maxRetryTime: retryMostMs, retries: retriesMax },
    logLevel: kafkajs.logLevel.INFO,
    logCreator: () => (entry) => {
      const { message, broker } = entry.log;
      onLog?.({
        level: entry.level in levelNames ? levelNames[entry.level as keyof typeof levelNames] : 'info',
        component: entry.namespace,
        message,
        ...(typeof broker === 'string' ? { broker } : {}),
      });
    },
  };
  if (tls !== undefined) {
    config.ssl = {
      rejectUnauthorized: true,
      ...(tls.caFile === undefined ? {} : { ca: readFileSync(tls.caFile, 'utf8') }),
      ...(tls.certFile === undefined ? {} : { cert: readFileSync(tls.certFile, 'utf8') }),
      ...(tls.keyFile === undefined ? {} : { key: readFileSync(tls.keyFile, 'utf8') }),
    };
  }
  if (sasl !== undefined) config.sasl = saslOptions(sasl);
  return new kafkajs.Kafka(config);
}

function saslOptions(sasl: KafkaSasl): SASLOptions {
  if (sasl.mechanism === 'oauthbearer') {
    const { mechanism, token } = sasl;
    return { mechanism, oauthBearerProvider: async () => ({ value: await token() }) };
  }
  const { mechanism, username, passwordFile } = sasl;
  return { mechanism, username, password: readFileSync(passwordFile, 'utf8').trim() };
}
