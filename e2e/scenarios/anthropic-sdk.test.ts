import Anthropic from '@anthropic-ai/sdk';
import { createCertificateAuthority } from '@sallyport/pki';
import { afterAll, beforeAll, describe, expect } from 'vitest';
import { startSuite, type Suite } from '../harness/suite.ts';
import { verifies } from '../harness/verifies.ts';

const tomorrow = () => new Date(Date.now() + 86_400_000);

describe('the Anthropic SDK', () => {
  let suite: Suite;
  let client: Anthropic;
  beforeAll(async () => {
    suite = await startSuite();
    client = new Anthropic({ apiKey: suite.ready.apiKey, baseURL: suite.ready.controlUrl });
  });
  afterAll(async () => {
    await suite?.dispose();
  });

  verifies('control:anthropic-sdk', async () => {
    const { tunnels } = client.beta;
    const tunnel = await tunnels.create({ display_name: 'by the SDK' });
    expect(tunnel).toMatchObject({ type: 'tunnel', display_name: 'by the SDK', archived_at: null });
    expect(await tunnels.retrieve(tunnel.id)).toEqual(tunnel);
    const listed: string[] = [];
    for await (const one of tunnels.list({ limit: 1 })) listed.push(one.id);
    expect(listed[0]).toBe(tunnel.id);
    expect(listed.length).toBeGreaterThan(1);

    const token = await tunnels.revealToken(tunnel.id);
    expect(await tunnels.revealToken(tunnel.id)).toEqual(token);
    expect((await tunnels.rotateToken(tunnel.id, { reason: 'test' })).tunnel_token).not.toBe(token.tunnel_token);

    const ca = await createCertificateAuthority('SDK CA', tomorrow());
    const certificate = await tunnels.certificates.create(tunnel.id, { ca_certificate_pem: ca.certificatePem });
    expect(certificate).toMatchObject({ type: 'tunnel_certificate', tunnel_id: tunnel.id });
    expect(await tunnels.certificates.retrieve(certificate.id, { tunnel_id: tunnel.id })).toEqual(certificate);
    const certificates: string[] = [];
    for await (const one of tunnels.certificates.list(tunnel.id)) certificates.push(one.id);
    expect(certificates).toEqual([certificate.id]);
    expect((await tunnels.certificates.archive(certificate.id, { tunnel_id: tunnel.id })).archived_at).not.toBeNull();

    const archived = await tunnels.archive(tunnel.id);
    expect(archived.archived_at).not.toBeNull();
    expect(await tunnels.archive(tunnel.id)).toEqual(archived);

    await expect(tunnels.revealToken(tunnel.id)).rejects.toBeInstanceOf(Anthropic.BadRequestError);
    const missing: unknown = await tunnels.retrieve('tnl_none').catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(Anthropic.NotFoundError);
    expect((missing as InstanceType<typeof Anthropic.NotFoundError>).requestID).toMatch(/^req_/);
    const stranger = new Anthropic({ apiKey: 'wrong', baseURL: suite.ready.controlUrl, maxRetries: 0 });
    await expect(stranger.beta.tunnels.create({})).rejects.toBeInstanceOf(Anthropic.AuthenticationError);
  });
});
