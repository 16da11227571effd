import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { parseConnectorConfig, parseEdgeAddress } from './connector-config.ts';
import { parseGoDurationMs } from './go-duration.ts';
import { matchIngress } from './ingress-rules.ts';
import { parseIngressService } from './ingress-service.ts';
import {
  decodeCredentialsFile,
  decodeTunnelToken,
  encodeCredentialsFile,
  encodeTunnelToken,
  uuidBytes,
  uuidText,
} from './tunnel-token.ts';
import { UpstreamAddressPolicy } from './upstream-address.ts';
import { parseCidr } from './cidr.ts';

const token = {
  accountTag: 'acct-1',
  tunnelUuid: '11111111-2222-4333-8444-555555555555',
  tunnelSecret: Buffer.alloc(32, 7),
};

function configOf(text: string) {
  const parsed = parseConnectorConfig(text);
  if (!parsed.ok) throw new Error(parsed.reason.join('\n'));
  return parsed.value;
}

function problemsOf(text: string): readonly string[] {
  const parsed = parseConnectorConfig(text);
  return parsed.ok ? [] : parsed.reason;
}

describe('tunnel token and credentials file', () => {
  it('survive a round trip, and have the keys that cloudflared reads', () => {
    expect(decodeTunnelToken(encodeTunnelToken(token))).toEqual({ ok: true, value: token });
    expect(decodeCredentialsFile(encodeCredentialsFile(token))).toEqual({ ok: true, value: token });
    const json: unknown = JSON.parse(Buffer.from(encodeTunnelToken(token), 'base64').toString());
    expect(json).toEqual({ a: 'acct-1', s: Buffer.alloc(32, 7).toString('base64'), t: token.tunnelUuid });
  });

  it('takes a token with surrounding white space', () => {
    expect(decodeTunnelToken(`${encodeTunnelToken(token)}\n`).ok).toBe(true);
  });

  it.each([
    ['', 'token-not-base64'],
    ['%%%', 'token-not-base64'],
    ['A'.repeat(5000), 'token-not-base64'],
    [b64('nonsense'), 'token-not-json'],
    [b64('[]'), 'token-not-json'],
    [b64('{"t":"11111111-2222-4333-8444-555555555555"}'), 'token-lacks-account-tag'],
    [b64('{"a":"x","t":"no"}'), 'token-lacks-tunnel-uuid'],
    [b64('{"a":"x","t":"11111111-2222-4333-8444-555555555555","s":"c2hvcnQ="}'), 'token-lacks-secret'],
  ])('refuses %s', (text, reason) => {
    expect(decodeTunnelToken(text)).toEqual({ ok: false, reason });
  });

  it('converts UUIDs both ways', () => {
    expect(uuidText(uuidBytes(token.tunnelUuid)!)).toBe(token.tunnelUuid);
    expect(uuidText(Buffer.alloc(15))).toBeUndefined();
    expect(uuidBytes('11111111222243338444555555555555')).toBeUndefined();
  });
});

describe('configuration file', () => {
  it('reads cloudflared keys and ours', () => {
    const { config, warnings } = configOf(`
tunnel: 11111111-2222-4333-8444-555555555555
credentials-file: creds.json
edge: ["127.0.0.1:7844", "[::1]:1", edge.example.com]
cacert: ca.pem
ha-connections: 3
retries: 1
no-autoupdate: true
grace-period: 1m30s
originRequest: { connectTimeout: 3s }
ingress:
  - hostname: a.example.com
    path: ^/api
    service: http://127.0.0.1:3000
    originRequest: { httpHostHeader: inner.local, connectTimeout: 5 }
  - service: http_status:404
x-sallyport: { cert: c.pem, key: k.pem, router_ca: r.pem, allow: [127.0.0.0/8, "::1"] }
`);
    expect(warnings).toEqual([]);
    expect(config.edges).toEqual([
      { host: '127.0.0.1', port: 7844 },
      { host: '::1', port: 1 },
      { host: 'edge.example.com', port: 7844 },
    ]);
    expect(config.gracePeriodMs).toBe(90_000);
    expect(config.ingress[0]?.originRequest).toMatchObject({ httpHostHeader: 'inner.local', connectTimeoutMs: 5000 });
    expect(config.ingress[1]?.originRequest.connectTimeoutMs).toBe(3000);
    expect(config.endToEnd).toEqual({
      cert: 'c.pem',
      key: 'k.pem',
      routerCa: 'r.pem',
      allow: [
        { address: '127.0.0.0', prefixBits: 8, family: 'ipv4' },
        { address: '::1', prefixBits: 128, family: 'ipv6' },
      ],
    });
  });

  it('takes x-sallyport in transport mode without certificates', () => {
    const { config } = configOf('ingress: [{service: "http_status:404"}]\nx-sallyport: {mode: transport}');
    expect(config.endToEnd).toBeUndefined();
  });

  it('warns of unknown keys', () => {
    const { warnings } = configOf('nonsense: 1\ningress: [{service: "http_status:404", extra: 2}]');
    expect(warnings).toEqual(['ingress[0].extra: unknown key, ignored', 'nonsense: unknown key, ignored']);
  });

  it('reports every problem with its place and what to do', () => {
    const problems = problemsOf(`
tunnel: by-name
ha-connections: many
edge: ["a:99999"]
ingress:
  - service: http://127.0.0.1:1
  - hostname: a.*.com
    path: "(?=x)"
    service: tcp://127.0.0.1:22
  - hostname: b.example.com:80
    service: http://127.0.0.1:1/path
x-sallyport: { cert: c, allow: [nonsense] }
`);
    const places = problems.map((problem) => problem.slice(0, problem.indexOf(':')));
    expect(places).toEqual([
      'tunnel',
      'edge[0]',
      'ha-connections',
      'ingress[1].hostname',
      'ingress[1].path',
      'ingress[1].service',
      'ingress[2].hostname',
      'ingress[2].service',
      'ingress[0]',
      'ingress[2]',
      'x-sallyport.allow[0]',
      'x-sallyport.key',
      'x-sallyport.router_ca',
    ]);
  });

  it('refuses what would silently open a closed door', () => {
    const problems = problemsOf('ingress: [{service: "http_status:404", originRequest: {access: {required: true}}}]');
    expect(problems).toEqual(['ingress[0].originRequest.access: is not supported by this connector; remove it']);
  });

  it.each(['', '[]', 'text', '{', 'a: &a [*a]', 'ingress: 5', 'ingress: []', 'ingress: [1]'])('refuses %j', (text) => {
    expect(problemsOf(text).length).toBeGreaterThan(0);
  });

  it('never throws and never quotes a broken file', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), (text) => void parseConnectorConfig(text)),
      { numRuns: 500 },
    );
    expect(problemsOf('token: "secret-text\n{').join()).not.toContain('secret-text');
  });

  it('parses edge addresses', () => {
    expect(parseEdgeAddress('a:0')).toBeUndefined();
    expect(parseEdgeAddress('::1:7844')).toBeUndefined();
    expect(parseEdgeAddress('http://a')).toBeUndefined();
  });

  it('parses Go durations', () => {
    expect(parseGoDurationMs('1h2m3.5s')).toBe(3_723_500);
    expect(parseGoDurationMs(30)).toBe(30_000);
    for (const bad of ['', '5', 's', '-1s', '1s ', null, -1]) expect(parseGoDurationMs(bad)).toBeUndefined();
  });
});

describe('services', () => {
  it('reads every supported form', () => {
    expect(parseIngressService('http://h')).toEqual({ type: 'http', secure: false, hostname: 'h', port: 80 });
    expect(parseIngressService('wss://[::1]:8443')).toEqual({
      type: 'http',
      secure: true,
      hostname: '::1',
      port: 8443,
    });
    expect(parseIngressService('unix+tls:/run/x')).toEqual({ type: 'unix', secure: true, socketPath: '/run/x' });
    expect(parseIngressService('http_status:204')).toEqual({ type: 'status', status: 204 });
  });

  it.each([
    '',
    'x',
    'tcp://h:1',
    'bastion',
    'hello_world',
    'unix:rel',
    'http_status:99',
    'http://u:p@h',
    'http://h/?q',
  ])('refuses %j with a sentence', (text) => {
    expect(typeof parseIngressService(text)).toBe('string');
  });
});

describe('ingress matching', () => {
  const { ingress } = configOf(`
ingress:
  - { hostname: a.example.com, path: ^/api/, service: "http_status:201" }
  - { hostname: a.example.com, service: "http_status:202" }
  - { hostname: "*.example.com", service: "http_status:203" }
  - { hostname: bücher.de, service: "http_status:204" }
  - { path: \\.(jpg|png)$, service: "http_status:205" }
  - { service: "http_status:206" }
`).config;

  it.each([
    ['a.example.com', '/api/x', 201],
    ['a.example.com:8443', '/%61pi/x', 201],
    ['a.example.com', '/x?/api/', 202],
    ['A.example.com', '/', 203],
    ['b.example.com', '/', 203],
    ['a.b.example.com', '/', 203],
    ['example.com', '/', 206],
    ['xexample.com', '/', 206],
    ['.example.com', '/', 206],
    ['xn--bcher-kva.de', '/', 204],
    ['other', '/x.png', 205],
    ['other', '/x.png?y', 205],
    ['other', '/%zz', 206],
  ])('%s %s goes to rule %i', (host, path, status) => {
    expect(matchIngress(ingress, host, path)?.service).toEqual({ type: 'status', status });
  });

  it('takes no longer than linear time on a hostile path', () => {
    const { ingress } = configOf(
      'ingress: [{path: "(a+)+$", service: "http_status:404"}, {service: "http_status:200"}]',
    ).config;
    const started = performance.now();
    matchIngress(ingress, 'h', `/${'a'.repeat(5000)}!`);
    expect(performance.now() - started).toBeLessThan(2000);
  });
});

describe('upstream addresses', () => {
  const closed = new UpstreamAddressPolicy([]);
  const open = new UpstreamAddressPolicy(
    ['127.0.0.0/8', '10.0.0.0/8', '0.0.0.0/0', '::/0'].map((text) => parseCidr(text)!),
  );
  const listed = new UpstreamAddressPolicy([parseCidr('10.1.0.0/16')!]);

  it.each([
    '10.1.2.3',
    '172.16.0.1',
    '192.168.1.1',
    '127.0.0.1',
    '::1',
    'fd00::1',
    '100.64.0.1',
    '::ffff:127.0.0.1',
    '::ffff:10.0.0.1',
    '64:ff9b::7f00:1',
    '2002:7f00:1::',
    '::7f00:1',
  ])('private %s only if named', (address) => {
    expect(closed.refusal(address)).toBe('address-not-in-allow-list');
    expect(open.refusal(address)).toBeUndefined();
  });

  it.each([
    '169.254.169.254',
    '::ffff:169.254.169.254',
    'fe80::1',
    '224.0.0.1',
    'ff02::1',
    '0.0.0.0',
    '::',
    '255.255.255.255',
    'fd00:ec2::254',
  ])('%s never', (address) => {
    expect(closed.refusal(address)).toBe('address-never-allowed');
    expect(open.refusal(address)).toBe('address-never-allowed');
  });

  it('lets public addresses pass by default, and a list replace that default', () => {
    expect(closed.refusal('93.184.216.34')).toBeUndefined();
    expect(closed.refusal('2606:4700::1111')).toBeUndefined();
    expect(listed.refusal('10.1.255.1')).toBeUndefined();
    expect(listed.refusal('10.2.0.1')).toBe('address-not-in-allow-list');
    expect(listed.refusal('93.184.216.34')).toBe('address-not-in-allow-list');
  });

  it('refuses what is no address', () => {
    for (const text of ['', 'localhost', 'fe80::1%eth0', '127.1', '0x7f000001']) {
      expect(open.refusal(text)).toBe('not-an-address');
    }
  });

  it('parses ranges', () => {
    for (const text of ['', '10.0.0.0/33', '::/129', '1.2.3.4/', '1.2.3.4/8/8', 'a/8'])
      expect(parseCidr(text)).toBeUndefined();
    expect(parseCidr('1.2.3.4')).toEqual({ address: '1.2.3.4', prefixBits: 32, family: 'ipv4' });
  });
});

function b64(text: string): string {
  return Buffer.from(text).toString('base64');
}
