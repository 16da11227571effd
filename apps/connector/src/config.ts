import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

import { readSecretFile } from '@sallyport/config';
import {
  type ConnectorConfig,
  type TunnelToken,
  decodeCredentialsFile,
  decodeTunnelToken,
  parseConnectorConfig,
  parseEdgeAddress,
} from '@sallyport/connector-wire';
import { type Result, fail, ok } from '@sallyport/result';
import { logConfigSchema, telemetryConfigSchema } from '@sallyport/telemetry';
import { z } from 'zod';

const durationMs = (fallback: number) => z.coerce.number().int().min(10).max(3_600_000).default(fallback);
const text = z.string().min(1).optional();

/** What the environment may say; everything else is in the configuration file, whose keys these override. */
export const connectorConfigSections = {
  connector: z
    .object({
      CONNECTOR_CONFIG: text,
      CONNECTOR_TOKEN: text,
      CONNECTOR_TOKEN_FILE: text,
      CONNECTOR_EDGE: text,
      CONNECTOR_CACERT: text,
      CONNECTOR_PING_INTERVAL_MS: durationMs(15_000),
      CONNECTOR_PING_ACK_MS: durationMs(10_000),
      CONNECTOR_CERTIFICATE_RELOAD_MS: durationMs(10_000),
    })
    .transform((env) => ({
      configFile: env.CONNECTOR_CONFIG,
      token: env.CONNECTOR_TOKEN,
      tokenFile: env.CONNECTOR_TOKEN_FILE,
      edge: env.CONNECTOR_EDGE,
      cacert: env.CONNECTOR_CACERT,
      pingIntervalMs: env.CONNECTOR_PING_INTERVAL_MS,
      pingAckMs: env.CONNECTOR_PING_ACK_MS,
      certificateReloadMs: env.CONNECTOR_CERTIFICATE_RELOAD_MS,
    })),
  log: logConfigSchema('CONNECTOR'),
  telemetry: telemetryConfigSchema('CONNECTOR'),
};

export type ConnectorEnvironment = {
  readonly [Name in keyof typeof connectorConfigSections]: z.output<(typeof connectorConfigSections)[Name]>;
};

/** Everything a connector runs on: file names are absolute, the token is read, at least one edge is named. */
export interface ConnectorSettings {
  readonly config: ConnectorConfig;
  readonly token: TunnelToken;
  /** PEM text; undefined: the system's roots. */
  readonly edgeCa: string | undefined;
  readonly warnings: readonly string[];
}

/** Reads the files that the environment and `--config` name. Each problem is one line without a secret. */
export function readSettings(
  environment: ConnectorEnvironment['connector'],
  argv: readonly string[],
): Result<ConnectorSettings, readonly string[]> {
  const option = configOption(argv);
  if (!option.ok) return fail([option.reason]);
  const path = option.value ?? environment.configFile;
  if (path === undefined) return fail(['no configuration file: start with --config FILE']);
  const file = attempt(() => readFileSync(path, 'utf8'), path);
  if (!file.ok) return fail([file.reason]);
  const parsed = parseConnectorConfig(file.value);
  if (!parsed.ok) return fail(parsed.reason.map((problem) => `${path}: ${problem}`));
  const config = resolved(withEnvironment(parsed.value.config, environment), dirname(resolve(path)));
  const problems = config.edges.length === 0 ? [`${path}: edge: is missing; list at least one host:port`] : [];
  const token = readToken(environment, config);
  if (!token.ok) problems.push(token.reason);
  const { cacertFile } = config;
  const edgeCa = cacertFile === undefined ? ok(undefined) : attempt(() => readFileSync(cacertFile, 'utf8'), cacertFile);
  if (!edgeCa.ok) problems.push(edgeCa.reason);
  if (problems.length > 0 || !token.ok || !edgeCa.ok) return fail(problems);
  return ok({ config, token: token.value, edgeCa: edgeCa.value, warnings: parsed.value.warnings });
}

function configOption(argv: readonly string[]): Result<string | undefined, string> {
  const [option, value, ...rest] = argv;
  if (option === undefined) return ok(undefined);
  if (option !== '--config' || value === undefined || rest.length > 0) return fail('the only option is --config FILE');
  return ok(value);
}

function withEnvironment(config: ConnectorConfig, environment: ConnectorEnvironment['connector']): ConnectorConfig {
  const edges = environment.edge
    ?.split(',')
    .map((each) => parseEdgeAddress(each))
    .filter((each) => each !== undefined);
  return {
    ...config,
    edges: edges ?? config.edges,
    cacertFile: environment.cacert === undefined ? config.cacertFile : resolve(environment.cacert),
  };
}

/** File names in the file are relative to it, wherever the process was started. */
function resolved(config: ConnectorConfig, directory: string): ConnectorConfig {
  const { endToEnd } = config;
  return {
    ...config,
    credentialsFile: config.credentialsFile === undefined ? undefined : resolve(directory, config.credentialsFile),
    cacertFile: config.cacertFile === undefined ? undefined : resolve(directory, config.cacertFile),
    ingress: config.ingress.map((rule) => {
      const { caPool } = rule.originRequest;
      if (caPool === '') return rule;
      return { ...rule, originRequest: { ...rule.originRequest, caPool: resolve(directory, caPool) } };
    }),
    endToEnd:
      endToEnd === undefined
        ? undefined
        : {
            ...endToEnd,
            cert: resolve(directory, endToEnd.cert),
            key: resolve(directory, endToEnd.key),
            routerCa: resolve(directory, endToEnd.routerCa),
          },
  };
}

function readToken(
  environment: ConnectorEnvironment['connector'],
  config: ConnectorConfig,
): Result<TunnelToken, string> {
  const { token, tokenFile } = environment;
  if (token !== undefined) return named('CONNECTOR_TOKEN', decodeTunnelToken(token));
  if (tokenFile !== undefined) {
    const read = attempt(() => readSecretFile(tokenFile), tokenFile);
    return read.ok ? named(tokenFile, decodeTunnelToken(read.value)) : read;
  }
  const { credentialsFile, tunnelUuid } = config;
  if (credentialsFile === undefined) {
    return fail(
      'no tunnel token: set CONNECTOR_TOKEN_FILE or CONNECTOR_TOKEN, or credentials-file in the configuration',
    );
  }
  const read = attempt(() => readSecretFile(credentialsFile), credentialsFile);
  if (!read.ok) return read;
  const decoded = named(credentialsFile, decodeCredentialsFile(read.value));
  if (decoded.ok && tunnelUuid !== undefined && decoded.value.tunnelUuid !== tunnelUuid) {
    return fail(`${credentialsFile} is for another tunnel than the configuration names`);
  }
  return decoded;
}

function named<Value>(name: string, result: Result<Value, string>): Result<Value, string> {
  return result.ok ? result : fail(`${name}: ${result.reason}`);
}

function attempt(read: () => string, path: string): Result<string, string> {
  try {
    return ok(read());
  } catch (error) {
    if (error instanceof Error && 'code' in error) return fail(`${path} cannot be read (${String(error.code)})`);
    return fail(error instanceof Error ? error.message : `${path} cannot be read`);
  }
}
