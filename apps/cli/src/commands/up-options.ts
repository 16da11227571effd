import { resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { fail, ok, type Result } from '@sallyport/result';

import type { KafkaOptions } from '../suite/kafka-options.ts';

export interface UpOptions {
  readonly data: string;
  /** Of the router; control listens on the next one. */
  readonly port: number;
  readonly once: boolean;
  /** Installs what sandboxes need of the system. */
  readonly install: boolean;
  readonly json: boolean;
  readonly help: boolean;
  readonly kafka: KafkaOptions | undefined;
}

const portDefault = 8080;
const saslMechanisms = ['plain', 'scram-sha-256', 'scram-sha-512'] as const;

export const upHelp = `Usage: npm start -- [OPTIONS]          (or: sallyport up [OPTIONS])

Boots the whole suite on this machine: PostgreSQL, every service in its own process, a connector, and a sample private
MCP server that agents reach through the tunnel alone, and an executor that runs the tools of a demo session in a
sandbox. Ctrl-C stops everything.

  --data DIR                 where all state lives (default: the state folder of the user, /var/lib/sallyport for root)
  --port N                   port of the router; control listens on N+1 (default ${portDefault})
  --install                  install what sandboxes need and is missing (bubblewrap, a C compiler) with the system's package
                             manager; asks first on a terminal. Without it nothing is installed
  --once                     run the demo, verify the ledger, stop; ends with one JSON line, exit code 0 or 1
  --json                     every line of output is JSON (use: npm start --silent -- --json)
  --kafka BROKERS            keep the event log in Kafka: host:port,host:port
  --kafka-tls                TLS to the brokers, with the system's roots
  --kafka-ca FILE            TLS, and the CA that signs the brokers
  --kafka-cert FILE          client certificate; needs --kafka-key
  --kafka-key FILE           its private key
  --kafka-sasl MECHANISM     plain, scram-sha-256 or scram-sha-512; needs the next two
  --kafka-username NAME
  --kafka-password-file FILE
  --help                     this text
`;

/** The reason of a refusal is one line for the person who typed the options. */
export function parseUpOptions(args: readonly string[], dataDefault: string): Result<UpOptions, string> {
  let values;
  try {
    ({ values } = parseArgs({ args: [...args], options: optionShapes, strict: true, allowPositionals: false }));
  } catch (error) {
    const [sentence = ''] = (error instanceof Error ? error.message : String(error)).split('\n');
    return fail(`${sentence.replace(/\. To specify .*$/, '')}: see --help`);
  }
  const port = values.port === undefined ? portDefault : Number(values.port);
  if (!Number.isInteger(port) || port < 1 || port > 65_534 || !/^\d+$/.test(values.port ?? '1'))
    return fail('--port must be a number from 1 to 65534: the router listens there, control on the next one');
  const data = values.data ?? dataDefault;
  if (data === '') return fail('--data must name a folder');
  const kafka = kafkaOptions(values);
  if (!kafka.ok) return kafka;
  const { once = false, install = false, json = false, help = false } = values;
  return ok({ data: resolve(data), port, once, install, json, help, kafka: kafka.value });
}

const optionShapes = {
  data: { type: 'string' },
  port: { type: 'string' },
  once: { type: 'boolean' },
  install: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
  kafka: { type: 'string' },
  'kafka-tls': { type: 'boolean' },
  'kafka-ca': { type: 'string' },
  'kafka-cert': { type: 'string' },
  'kafka-key': { type: 'string' },
  'kafka-sasl': { type: 'string' },
  'kafka-username': { type: 'string' },
  'kafka-password-file': { type: 'string' },
} as const;

type Values = { readonly [Name in keyof typeof optionShapes]?: string | boolean };

function kafkaOptions(values: Values): Result<KafkaOptions | undefined, string> {
  const text = (name: keyof typeof optionShapes) => values[name] as string | undefined;
  const brokers = text('kafka');
  const stray = Object.keys(values).find((name) => name.startsWith('kafka-'));
  if (brokers === undefined) return stray === undefined ? ok(undefined) : fail(`--${stray} needs --kafka BROKERS`);
  if (!/^[^\s,]+:\d{1,5}(?:,[^\s,]+:\d{1,5})*$/.test(brokers))
    return fail('--kafka must name brokers as host:port, separated by commas');
  const sasl = saslMechanisms.find((mechanism) => mechanism === text('kafka-sasl'));
  const path = (name: keyof typeof optionShapes) => {
    const given = text(name);
    return given === undefined ? undefined : resolve(given);
  };
  const [caFile, certFile, keyFile] = [path('kafka-ca'), path('kafka-cert'), path('kafka-key')];
  const [username, passwordFile] = [text('kafka-username'), path('kafka-password-file')];
  if (text('kafka-sasl') !== undefined && sasl === undefined)
    return fail(`--kafka-sasl must be one of ${saslMechanisms.join(', ')}`);
  if ((certFile === undefined) !== (keyFile === undefined)) return fail('--kafka-cert and --kafka-key go together');
  const isSasl = sasl !== undefined;
  if ((username !== undefined) !== isSasl || (passwordFile !== undefined) !== isSasl)
    return fail('--kafka-sasl, --kafka-username and --kafka-password-file go together');
  return ok({
    brokers,
    tls: values['kafka-tls'] === true || caFile !== undefined || certFile !== undefined,
    ...(caFile === undefined ? {} : { caFile }),
    ...(certFile === undefined ? {} : { certFile }),
    ...(keyFile === undefined ? {} : { keyFile }),
    ...(sasl === undefined ? {} : { sasl }),
    ...(username === undefined ? {} : { username }),
    ...(passwordFile === undefined ? {} : { passwordFile }),
  });
}
