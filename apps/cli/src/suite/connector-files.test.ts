import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { decodeCredentialsFile, encodeTunnelToken, parseConnectorConfig } from '@sallyport/connector-wire';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { type ConnectorWiring, writeConnectorFiles } from './connector-files.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sallyport-connector-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const token = {
  accountTag: 'wrkspc_1',
  tunnelUuid: '11111111-2222-4333-8444-555555555555',
  tunnelSecret: Buffer.alloc(32, 7),
};
const wiring: ConnectorWiring = {
  tunnelToken: encodeTunnelToken(token),
  tunnelDomain: 'abc.tunnel.localhost',
  edgePort: 7844,
  samplePort: 3000,
  edgeCaFile: '/data with: spaces/edges-ca.pem',
  proxy: { certFile: '/c.pem', keyFile: '/k.pem' },
  routerCaFile: '/r.pem',
};

describe("the connector's files", () => {
  it('are what a connector reads, without a warning', () => {
    const written = writeConnectorFiles(directory, wiring);
    expect(written).toEqual({ ok: true, value: join(directory, 'config.yml') });
    const parsed = parseConnectorConfig(readFileSync(join(directory, 'config.yml'), 'utf8'));
    expect(parsed).toMatchObject({
      ok: true,
      value: {
        warnings: [],
        config: {
          tunnelUuid: token.tunnelUuid,
          cacertFile: wiring.edgeCaFile,
          edges: [{ host: '127.0.0.1', port: 7844 }],
          endToEnd: { cert: '/c.pem', key: '/k.pem', routerCa: '/r.pem', allow: [{ address: '127.0.0.0' }] },
        },
      },
    });
    expect(parsed.ok ? parsed.value.config.ingress.map(({ service }) => service.type) : []).toEqual(['http', 'status']);
  });

  it('hold the token for its owner alone', () => {
    writeConnectorFiles(directory, wiring);
    const credentials = join(directory, 'credentials.json');
    expect(decodeCredentialsFile(readFileSync(credentials, 'utf8'))).toEqual({ ok: true, value: token });
    expect(statSync(credentials).mode & 0o777).toBe(0o600);
    expect(readFileSync(join(directory, 'config.yml'), 'utf8')).not.toContain(token.tunnelSecret.toString('base64'));
  });

  it('are not written with a token that no connector can read', () => {
    expect(writeConnectorFiles(directory, { ...wiring, tunnelToken: '%' })).toMatchObject({ ok: false });
  });
});
