import type { ConfigFields } from './config-fields.ts';

/** How the connector talks to a service: cloudflared's `originRequest`, the part that applies here. */
export interface OriginRequest {
  readonly connectTimeoutMs: number;
  readonly tlsTimeoutMs: number;
  readonly keepAliveConnections: number;
  readonly keepAliveTimeoutMs: number;
  /** Sent as Host instead of the caller's; empty: the caller's. */
  readonly httpHostHeader: string;
  /** Name that a TLS service must prove; empty: the service's host. */
  readonly originServerName: string;
  readonly matchSniToHost: boolean;
  /** PEM file added to the system's roots; empty: none. */
  readonly caPool: string;
  readonly noTlsVerify: boolean;
}

export const originRequestDefaults: OriginRequest = {
  connectTimeoutMs: 30_000,
  tlsTimeoutMs: 10_000,
  keepAliveConnections: 100,
  keepAliveTimeoutMs: 90_000,
  httpHostHeader: '',
  originServerName: '',
  matchSniToHost: false,
  caPool: '',
  noTlsVerify: false,
};

const timeoutMaxMs = 600_000;
const withoutEffect = ['tcpKeepAlive', 'noHappyEyeballs', 'disableChunkedEncoding', 'http2Origin'];
const ignored: ReadonlySet<string> = new Set(['proxyAddress', 'proxyPort', 'proxyType']);

/** Keys that are present override `defaults`, key by key. */
export function readOriginRequest(fields: ConfigFields, defaults: OriginRequest): OriginRequest {
  for (const key of withoutEffect) {
    if (fields.any(key) !== undefined) fields.warning(key, 'has no effect in this connector');
  }
  // These restrict or widen who may call: ignoring one would open what its author closed.
  for (const key of ['access', 'ipRules']) {
    if (fields.any(key) !== undefined) fields.problem(key, 'is not supported by this connector; remove it');
  }
  if (fields.flag('bastionMode', false)) fields.problem('bastionMode', 'is not supported by this connector; remove it');
  const request: OriginRequest = {
    connectTimeoutMs: fields.durationMs('connectTimeout', defaults.connectTimeoutMs, timeoutMaxMs),
    tlsTimeoutMs: fields.durationMs('tlsTimeout', defaults.tlsTimeoutMs, timeoutMaxMs),
    keepAliveConnections: fields.integer('keepAliveConnections', {
      min: 1,
      max: 10_000,
      fallback: defaults.keepAliveConnections,
    }),
    keepAliveTimeoutMs: fields.durationMs('keepAliveTimeout', defaults.keepAliveTimeoutMs, timeoutMaxMs),
    httpHostHeader: fields.text('httpHostHeader') ?? defaults.httpHostHeader,
    originServerName: fields.text('originServerName') ?? defaults.originServerName,
    matchSniToHost: fields.flag('matchSNItoHost', defaults.matchSniToHost),
    caPool: fields.text('caPool') ?? defaults.caPool,
    noTlsVerify: fields.flag('noTLSVerify', defaults.noTlsVerify),
  };
  if (/[\0\r\n\s]/.test(request.httpHostHeader))
    fields.problem('httpHostHeader', 'must be a host, perhaps with a port');
  fields.warnOfUnknown(ignored);
  return request;
}
