import { type Result, fail, ok } from '@sallyport/result';
import { parse } from 'yaml';

import { type Cidr, parseCidr } from './cidr.ts';
import { ConfigFields, type ConfigReport } from './config-fields.ts';
import { type IngressRule, readIngressRules } from './ingress-rules.ts';
import { originRequestDefaults, readOriginRequest } from './origin-request.ts';
import { uuidBytes } from './tunnel-token.ts';

export interface EdgeAddress {
  readonly host: string;
  readonly port: number;
}

/** `x-sallyport`: the proxy's end of inner TLS. cloudflared ignores the key. */
export interface EndToEndConfig {
  /** PEM file: the proxy's certificate chain. */
  readonly cert: string;
  /** PEM file. */
  readonly key: string;
  /** PEM file: who may sign a router's client certificate. */
  readonly routerCa: string;
  /** Addresses that the proxy may dial; empty: public ones only. */
  readonly allow: readonly Cidr[];
}

/** A connector's configuration file: cloudflared's keys (spec §8) and ours. File names are as written. */
export interface ConnectorConfig {
  readonly tunnelUuid: string | undefined;
  readonly credentialsFile: string | undefined;
  readonly edges: readonly EdgeAddress[];
  readonly cacertFile: string | undefined;
  readonly haConnections: number;
  /** Caps the exponent of the reconnect back-off. */
  readonly retries: number;
  readonly gracePeriodMs: number;
  readonly ingress: readonly IngressRule[];
  /** Present in end-to-end mode; absent in transport mode. */
  readonly endToEnd: EndToEndConfig | undefined;
}

const configCharactersMax = 1024 * 1024;
const gracePeriodMaxMs = 180_000;
const defaultEdgePort = 7844;

/** cloudflared's own keys that mean nothing here. */
const ignoredKeys: ReadonlySet<string> = new Set([
  'autoupdate-freq',
  'edge-ip-version',
  'log-directory',
  'logfile',
  'loglevel',
  'metrics',
  'no-autoupdate',
  'no-prechecks',
  'pidfile',
  'region',
  'tag',
  'transport-loglevel',
  'warp-routing',
]);

/** Parses the file. Every problem is reported at once, as `path: what is wrong; what to do`. */
export function parseConnectorConfig(
  text: string,
): Result<{ readonly config: ConnectorConfig; readonly warnings: readonly string[] }, readonly string[]> {
  if (text.length > configCharactersMax) return fail([`the file: at most ${configCharactersMax} characters`]);
  let document: unknown;
  try {
    document = parse(text, { maxAliasCount: 32, prettyErrors: false, logLevel: 'error' });
  } catch {
    // The parser's message may quote the file, which may hold a secret in the wrong place.
    return fail(['the file: is not YAML']);
  }
  const report: ConfigReport = { problems: [], warnings: [] };
  const config = readConfig(new ConfigFields(document ?? {}, '', report), report);
  return report.problems.length === 0 ? ok({ config, warnings: report.warnings }) : fail(report.problems);
}

/** `host:port`, `[v6]:port`, or a host alone for port 7844. Undefined where it is none of them. */
export function parseEdgeAddress(text: string): EdgeAddress | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::(\d{1,5}))?$/.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  const port = match?.[3] === undefined ? defaultEdgePort : Number(match[3]);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { host, port };
}

function readConfig(fields: ConfigFields, report: ConfigReport): ConnectorConfig {
  const tunnelUuid = fields.text('tunnel');
  if (tunnelUuid !== undefined && uuidBytes(tunnelUuid) === undefined) {
    fields.problem('tunnel', 'must be the UUID of the tunnel; a name needs an account to look it up in');
  }
  const protocol = fields.text('protocol');
  if (protocol !== undefined && protocol !== 'http2' && protocol !== 'auto') {
    fields.warning('protocol', 'only http2 is spoken here; ignored');
  }
  const defaults = fields.has('originRequest')
    ? readOriginRequest(new ConfigFields(fields.any('originRequest'), 'originRequest', report), originRequestDefaults)
    : originRequestDefaults;
  const config: ConnectorConfig = {
    tunnelUuid: tunnelUuid?.toLowerCase(),
    credentialsFile: fields.text('credentials-file'),
    edges: readEdges(fields),
    cacertFile: fields.text('cacert'),
    haConnections: fields.integer('ha-connections', { min: 1, max: 32, fallback: 2 }),
    retries: fields.integer('retries', { min: 0, max: 10, fallback: 5 }),
    gracePeriodMs: fields.durationMs('grace-period', 30_000, gracePeriodMaxMs),
    ingress: readIngressRules(readIngressList(fields), defaults, report),
    endToEnd: fields.has('x-sallyport') ? readEndToEnd(fields, report) : undefined,
  };
  fields.warnOfUnknown(ignoredKeys);
  return config;
}

function readIngressList(fields: ConfigFields): readonly unknown[] {
  const url = fields.text('url');
  const list = fields.list('ingress');
  if (list.length > 0) return list;
  if (url !== undefined) return [{ service: url }];
  fields.problem('ingress', 'is missing; list at least "- service: http://127.0.0.1:3000"');
  return [];
}

function readEdges(fields: ConfigFields): readonly EdgeAddress[] {
  const edges: EdgeAddress[] = [];
  fields.texts('edge').forEach((text, index) => {
    const edge = parseEdgeAddress(text);
    if (edge === undefined) fields.problem(`edge[${index}]`, 'must be host:port');
    else edges.push(edge);
  });
  return edges;
}

function readEndToEnd(top: ConfigFields, report: ConfigReport): EndToEndConfig | undefined {
  const fields = new ConfigFields(top.any('x-sallyport'), 'x-sallyport', report);
  const mode = fields.text('mode') ?? 'end-to-end';
  if (mode !== 'end-to-end' && mode !== 'transport') fields.problem('mode', 'must be end-to-end or transport');
  const allow: Cidr[] = [];
  fields.texts('allow').forEach((text, index) => {
    const range = parseCidr(text);
    if (range === undefined) fields.problem(`allow[${index}]`, 'must be an address range such as 10.1.0.0/16');
    else allow.push(range);
  });
  if (mode === 'transport') {
    for (const key of ['cert', 'key', 'router_ca']) fields.any(key);
    fields.warnOfUnknown(new Set());
    return undefined;
  }
  const endToEnd = {
    cert: fields.requiredText('cert', 'name the PEM file of the certificate that routers verify'),
    key: fields.requiredText('key', 'name the PEM file of the private key'),
    routerCa: fields.requiredText('router_ca', 'name the PEM file of the CA that signs routers'),
    allow,
  };
  fields.warnOfUnknown(new Set());
  return endToEnd;
}
