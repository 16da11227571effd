import assert from 'node:assert/strict';

import {
  type ConnectorConfig,
  type IngressRule,
  matchIngress,
  parseConnectorConfig,
  parseGoDurationMs,
  parseIngressService,
  UpstreamAddressPolicy,
} from '@sallyport/connector-wire';

export const bytesMax = 2048;

/** A connector's configuration file with its ingress rules, and the same text as a service and as a duration. */
export function fuzz(bytes: Uint8Array): void {
  const text = Buffer.from(bytes).toString('utf8');
  const durationMs = parseGoDurationMs(text);
  assert.ok(durationMs === undefined || durationMs >= 0);
  checkService(text);
  const parsed = parseConnectorConfig(text);
  if (!parsed.ok) {
    assert.ok(parsed.reason.length > 0, 'refused without a problem');
    for (const problem of parsed.reason) assert.match(problem, /: /);
    return;
  }
  assert.deepEqual(plain(parseConnectorConfig(text)), plain(parsed), 'two readings differ');
  checkConfig(parsed.value.config);
}

/** Without the compiled patterns, whose caches differ. */
function plain(parsed: ReturnType<typeof parseConnectorConfig>): unknown {
  return JSON.parse(JSON.stringify(parsed, (key, value: unknown) => (key === 'path' ? String(value) : value)));
}

function checkConfig(config: ConnectorConfig): void {
  assert.ok(config.haConnections >= 1 && config.haConnections <= 32);
  assert.ok(config.retries >= 0 && config.retries <= 10);
  assert.ok(config.gracePeriodMs >= 0 && config.gracePeriodMs <= 180_000);
  for (const { host, port } of config.edges) assert.ok(host !== '' && port >= 1 && port <= 65_535);
  const { ingress } = config;
  assert.ok(ingress.length > 0, 'a configuration without a rule');
  for (const [index, rule] of ingress.entries()) assert.equal(rule.index, index);
  for (const host of ['a.example.com', 'example.com:8443', '', ...ingress.flatMap(hostsOf)]) {
    for (const path of ['/', '/api/x?y', '/%61pi', '/%ff%zz']) checkMatch(ingress, host, path);
  }
  const policy = new UpstreamAddressPolicy(config.endToEnd?.allow ?? []);
  assert.equal(policy.refusal('169.254.169.254'), 'address-never-allowed');
  assert.equal(policy.refusal('::ffff:169.254.169.254'), 'address-never-allowed');
  if (config.endToEnd === undefined) assert.equal(policy.refusal('10.0.0.1'), 'address-not-in-allow-list');
}

/** Every request finds a rule, and no rule before it takes the host. */
function checkMatch(ingress: readonly IngressRule[], host: string, path: string): void {
  const rule = matchIngress(ingress, host, path);
  assert.ok(rule !== undefined, 'a request without a rule');
  const name = host.replace(/:\d*$/, '');
  assert.ok(takesHost(rule, name), 'a rule for another host');
  const earlier = ingress.slice(0, rule.index).find((before) => before.path === undefined && takesHost(before, name));
  assert.equal(earlier, undefined, 'an earlier rule takes the request');
}

function takesHost(rule: IngressRule, name: string): boolean {
  if (rule.hostnames.length === 0) return true;
  return rule.hostnames.some((pattern) =>
    pattern.startsWith('*.') ? name.length >= pattern.length && name.endsWith(pattern.slice(1)) : name === pattern,
  );
}

function hostsOf(rule: IngressRule): readonly string[] {
  return rule.hostnames.flatMap((pattern) => [pattern, pattern.replace('*', 'x')]);
}

function checkService(text: string): void {
  const service = parseIngressService(text);
  if (typeof service === 'string') return;
  if (service.type === 'http') assert.ok(service.hostname !== '' && service.port >= 0 && service.port <= 65_535);
  if (service.type === 'status') assert.ok(service.status >= 100 && service.status <= 999);
  if (service.type === 'unix') assert.ok(service.socketPath.startsWith('/'));
}
