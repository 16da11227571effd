import { domainToASCII } from 'node:url';

import { RE2JS } from 're2js';

import { ConfigFields, type ConfigReport } from './config-fields.ts';
import { type IngressService, parseIngressService } from './ingress-service.ts';
import { type OriginRequest, readOriginRequest } from './origin-request.ts';

/** One rule: host and path patterns, and where matching requests go. */
export interface IngressRule {
  /** Position in the file, from 0. */
  readonly index: number;
  /** Exact hosts, or `*.suffix`; empty: any host. Two where an internationalised name also has a punycode form. */
  readonly hostnames: readonly string[];
  /** RE2, unanchored, on the decoded path; undefined: any path. */
  readonly path: RE2JS | undefined;
  readonly service: IngressService;
  readonly originRequest: OriginRequest;
}

const rulesMax = 1000;
const pathPatternCharactersMax = 1024;

/** Rules in their order. The last one must match everything, and only the last one may (spec §8). */
export function readIngressRules(
  list: readonly unknown[],
  defaults: OriginRequest,
  report: ConfigReport,
): readonly IngressRule[] {
  if (list.length > rulesMax) report.problems.push(`ingress: at most ${rulesMax} rules`);
  const rules = list.slice(0, rulesMax).map((entry, index) => readRule(entry, index, defaults, report));
  rules.forEach((rule, index) => {
    const catchesAll = rule.hostnames.length === 0 && rule.path === undefined;
    if (index === rules.length - 1 && !catchesAll) {
      report.problems.push(
        `ingress[${index}]: the last rule must match every request; add a last rule "- service: http_status:404"`,
      );
    }
    if (index < rules.length - 1 && catchesAll) {
      report.problems.push(
        `ingress[${index}]: matches every request, so the rules after it are never used; move it to the end or give it a hostname`,
      );
    }
  });
  return rules;
}

/** The first rule for a request. `host` as sent (a port is ignored), `path` raw, its query ignored. */
export function matchIngress(rules: readonly IngressRule[], host: string, path: string): IngressRule | undefined {
  const hostname = host.replace(/:\d*$/, '');
  let decoded: string | undefined;
  for (const rule of rules) {
    if (rule.hostnames.length > 0 && !rule.hostnames.some((pattern) => hostMatches(pattern, hostname))) continue;
    if (rule.path !== undefined) {
      decoded ??= decodePath(path);
      if (!rule.path.matcher(decoded).find()) continue;
    }
    return rule;
  }
  return undefined;
}

function readRule(entry: unknown, index: number, defaults: OriginRequest, report: ConfigReport): IngressRule {
  const at = `ingress[${index}]`;
  const fields = new ConfigFields(entry, at, report);
  const hostnames = readHostnames(fields);
  const path = readPath(fields);
  const text = fields.requiredText('service', 'name where requests go, for example http://127.0.0.1:3000');
  let service: IngressService = { type: 'status', status: 503 };
  if (text !== '') {
    const parsed = parseIngressService(text);
    if (typeof parsed === 'string') fields.problem('service', parsed);
    else service = parsed;
  }
  const originRequest = fields.has('originRequest')
    ? readOriginRequest(new ConfigFields(fields.any('originRequest'), `${at}.originRequest`, report), defaults)
    : defaults;
  fields.warnOfUnknown(new Set());
  return { index, hostnames, path, service, originRequest };
}

function readHostnames(fields: ConfigFields): readonly string[] {
  const hostname = fields.text('hostname') ?? '';
  if (hostname === '' || hostname === '*') return [];
  const bare = hostname.startsWith('*.') ? hostname.slice(2) : hostname;
  const problem = bareHostnameProblem(bare);
  if (problem !== undefined) {
    fields.problem('hostname', problem);
    return [hostname];
  }
  const ascii = domainToASCII(bare);
  const punycode = hostname.startsWith('*.') ? `*.${ascii}` : ascii;
  return punycode === hostname ? [hostname] : [hostname, punycode];
}

function bareHostnameProblem(bare: string): string | undefined {
  if (bare.includes('*')) return 'a wildcard is allowed only as the first label, for example *.example.com';
  if (bare.includes(':')) return 'may not carry a port; remove it';
  if (bare.includes('/')) return 'may not carry a path; use the key "path"';
  return domainToASCII(bare) === '' ? 'is not a host name' : undefined;
}

function readPath(fields: ConfigFields): RE2JS | undefined {
  const pattern = fields.text('path') ?? '';
  if (pattern === '') return undefined;
  if (pattern.length > pathPatternCharactersMax) {
    fields.problem('path', `at most ${pathPatternCharactersMax} characters`);
    return undefined;
  }
  try {
    return RE2JS.compile(pattern);
  } catch {
    fields.problem('path', 'is not an RE2 regular expression (look-ahead and back-references are not supported)');
    return undefined;
  }
}

function hostMatches(pattern: string, hostname: string): boolean {
  if (!pattern.startsWith('*.')) return pattern === hostname;
  return hostname.length > pattern.length - 1 && hostname.endsWith(pattern.slice(1));
}

/** Percent-decoded; what is no percent code stays as it is. Bytes that are not UTF-8 become U+FFFD. */
function decodePath(path: string): string {
  const end = path.indexOf('?');
  const raw = end < 0 ? path : path.slice(0, end);
  if (!raw.includes('%')) return raw;
  const bytes = Buffer.from(raw, 'utf8').toString('latin1');
  const decoded = bytes.replaceAll(/%([0-9a-fA-F]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return Buffer.from(decoded, 'latin1').toString('utf8');
}
