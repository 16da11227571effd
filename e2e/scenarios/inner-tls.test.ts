import { type CertificateAuthority, issueCertificate } from '@sallyport/pki';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { call, callIdOf } from '../harness/mcp.ts';
import { startSuite, type Suite } from '../harness/suite.ts';
import { startTunnel, type TunnelOptions } from '../harness/tunnel.ts';
import { answerJson, Upstream } from '../harness/upstream.ts';
import { verifies } from '../harness/verifies.ts';

const day = 86_400_000;
const fromNow = (ms: number) => new Date(Date.now() + ms);

describe('inner TLS', () => {
  let suite: Suite;
  let upstream: Upstream;
  beforeAll(async () => {
    suite = await startSuite();
    upstream = await Upstream.start((_request, response) =>
      answerJson(response, '{"jsonrpc":"2.0","id":1,"result":{}}'),
    );
  });
  afterAll(async () => {
    await upstream?.stop();
    await suite?.dispose();
  });

  const refusalOf = async (options: Partial<TunnelOptions>) => {
    upstream.seen.length = 0;
    const tunnel = await startTunnel(suite, { upstreamPort: upstream.port, ...options });
    try {
      const sent = await call(tunnel.mcpUrl, tunnel.apiKey, 'echo');
      expect(upstream.seen).toHaveLength(0);
      const events = await suite.eventsOf(callIdOf(sent));
      expect(events.at(-1)?.data).toMatchObject({
        phase: 'failed',
        outcome: { code: 'inner_tls_refused', effect: 'none' },
      });
      expect(sent.message.error.message.length).toBeGreaterThan(20);
      return [sent.status, sent.message.error.data.code, sent.message.error.data.reason];
    } finally {
      await tunnel.stop();
    }
  };
  const leaf =
    (change: (domain: string) => Partial<Parameters<typeof issueCertificate>[1]>) =>
    (ca: CertificateAuthority, domain: string) =>
      issueCertificate(ca, { dnsNames: [`*.${domain}`], notAfter: fromNow(day), usage: 'server', ...change(domain) });

  verifies('tls:expired', async () => {
    const expired = leaf(() => ({ notBefore: fromNow(-2 * day), notAfter: fromNow(-day) }));
    expect(await refusalOf({ proxyCertificate: expired })).toEqual([502, 'inner_tls_refused', 'certificate_expired']);
    const early = leaf(() => ({ notBefore: fromNow(day / 2) }));
    expect(await refusalOf({ proxyCertificate: early })).toEqual([502, 'inner_tls_refused', 'certificate_expired']);
  });

  verifies('tls:wrong-name', async () => {
    const other = leaf(() => ({ dnsNames: ['*.other.example'] }));
    expect(await refusalOf({ proxyCertificate: other })).toEqual([502, 'inner_tls_refused', 'certificate_wrong_name']);
  });

  verifies('tls:wrong-ca', async () => {
    expect(await refusalOf({ registeredCa: 'other' })).toEqual([502, 'inner_tls_refused', 'certificate_wrong_ca']);
  });

  verifies('tls:weak', async () => {
    const weak = leaf(() => ({ key: 'rsa1024' }));
    const [status, code, reason] = await refusalOf({ proxyCertificate: weak }).catch((error: Error) => [
      0,
      error.message,
      '',
    ]);
    // OpenSSL may refuse such a key in the connector already, which then does not start: it is not served either way.
    if (status === 0) expect(code).toMatch(/key too small|ee key|certificate|ended with/i);
    else expect([status, code, reason]).toEqual([502, 'inner_tls_refused', 'certificate_weak']);
  });

  verifies('tls:no-ca', async () => {
    expect(await refusalOf({ registeredCa: 'none' })).toEqual([502, 'inner_tls_refused', 'no_registered_ca']);
  });

  verifies('mode:transport', async () => {
    const tunnel = await startTunnel(suite, { upstreamPort: upstream.port, mode: 'transport', registeredCa: 'none' });
    const sent = await call(tunnel.mcpUrl, tunnel.apiKey, 'echo');
    expect([sent.status, sent.text]).toEqual([200, '{"jsonrpc":"2.0","id":1,"result":{}}']);
    const events = await suite.eventsOf(callIdOf(sent));
    expect(events.map((event) => (event.data['route'] as { mode: string }).mode)).toEqual([
      'transport',
      'transport',
      'transport',
      'transport',
    ]);
    await tunnel.stop();
  });
});
