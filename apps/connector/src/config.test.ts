import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { parseConfig } from '@sallyport/config';
import { encodeCredentialsFile, encodeTunnelToken } from '@sallyport/connector-wire';
import { afterAll, describe, expect, it } from 'vitest';

import { connectorConfigSections, readSettings } from './config.ts';

const directory = mkdtempSync(join(tmpdir(), 'sallyport-config-'));
const token = {
  accountTag: 'a',
  tunnelUuid: '11111111-2222-4333-8444-555555555555',
  tunnelSecret: Buffer.alloc(32, 5),
};
afterAll(() => rmSync(directory, { recursive: true }));

function file(name: string, text: string, mode = 0o600): string {
  const path = join(directory, name);
  writeFileSync(path, text, { mode });
  return path;
}

function settings(yaml: string, env: Record<string, string> = {}) {
  const { connector } = parseConfig(connectorConfigSections, env);
  return readSettings(connector, ['--config', file('config.yml', yaml)]);
}

const rest = 'edge: a.example.com\ningress: [{ service: "http_status:404" }]\n';

describe('settings of a connector', () => {
  it('takes the token from the environment, a file or the credentials file', () => {
    const encoded = encodeTunnelToken(token);
    for (const read of [
      settings(rest, { CONNECTOR_TOKEN: encoded }),
      settings(rest, { CONNECTOR_TOKEN_FILE: file('token', `${encoded}\n`) }),
      settings(`${rest}credentials-file: creds.json\n`, { X: file('creds.json', encodeCredentialsFile(token)) }),
    ]) {
      expect(read.ok && read.value.token).toEqual(token);
    }
  });

  it('resolves files beside the configuration and lets the environment name other edges', () => {
    const read = settings(`${rest}x-sallyport: { cert: c.pem, key: /k.pem, router_ca: r.pem }\n`, {
      CONNECTOR_TOKEN: encodeTunnelToken(token),
      CONNECTOR_EDGE: 'b:1,c:2',
    });
    expect(read.ok && read.value.config.edges).toEqual([
      { host: 'b', port: 1 },
      { host: 'c', port: 2 },
    ]);
    expect(read.ok && read.value.config.endToEnd).toMatchObject({ cert: join(directory, 'c.pem'), key: '/k.pem' });
  });

  it.each([
    ['no token', rest, {}, /no tunnel token/],
    ['a broken token', rest, { CONNECTOR_TOKEN: 'super-secret%' }, /CONNECTOR_TOKEN: token-not-base64/],
    [
      'no edge',
      'ingress: [{ service: "http_status:404" }]',
      { CONNECTOR_TOKEN: encodeTunnelToken(token) },
      /edge: is missing/,
    ],
    [
      'a missing CA',
      `${rest}cacert: none.pem`,
      { CONNECTOR_TOKEN: encodeTunnelToken(token) },
      /none.pem cannot be read \(ENOENT\)/,
    ],
    ['a file of problems', 'ingress: [{}]', {}, /ingress\[0\].service: is missing/],
  ])('says what is wrong: %s', (_, yaml, env, problem) => {
    const read = settings(yaml, env);
    const text = read.ok ? '' : read.reason.join('\n');
    expect(text).toMatch(problem);
    expect(text).not.toContain('super-secret');
  });

  it('refuses a token that everybody may read, and one of another tunnel', () => {
    const open = settings(rest, { CONNECTOR_TOKEN_FILE: file('open', encodeTunnelToken(token), 0o644) });
    expect(open.ok ? '' : open.reason.join()).toMatch(/chmod 600/);
    file('creds.json', encodeCredentialsFile(token));
    const other = settings(`${rest}tunnel: 99999999-2222-4333-8444-555555555555\ncredentials-file: creds.json\n`);
    expect(other.ok ? '' : other.reason.join()).toMatch(/another tunnel/);
  });

  it('knows one option', () => {
    const { connector } = parseConfig(connectorConfigSections, {});
    for (const argv of [['--nonsense'], ['--config'], ['--config', 'a', 'b']]) {
      expect(readSettings(connector, argv)).toEqual({ ok: false, reason: ['the only option is --config FILE'] });
    }
    expect(readSettings(connector, []).ok).toBe(false);
  });
});
