import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Metadata, status } from '@grpc/grpc-js';
import { identity } from '@sallyport/contracts';
import { type CertificateAuthority, createCertificateAuthority, issueCertificate } from '@sallyport/pki';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callUnary, grpcChannel, reasonOf } from './grpc-channel.ts';
import { grpcFailure } from './grpc-failure.ts';
import { GrpcServer } from './grpc-server.ts';
import { serviceName } from './service-name.ts';
import type { TlsFiles } from './tls-files.ts';

const tomorrow = new Date(Date.now() + 86_400_000);
const directory = mkdtempSync(join(tmpdir(), 'grpc-'));
const request = { accountTag: 'a', tunnelUuid: 'u', tunnelSecret: Buffer.alloc(32) };

async function tlsOf(name: string, authority: CertificateAuthority): Promise<TlsFiles> {
  const issued = await issueCertificate(authority, { dnsNames: [name], notAfter: tomorrow, usage: 'both' });
  const files = {
    certFile: join(directory, `${name}.crt`),
    keyFile: join(directory, `${name}.key`),
    caFile: join(directory, `${name}.ca`),
  };
  writeFileSync(files.certFile, issued.certificatePem);
  writeFileSync(files.keyFile, issued.keyPem);
  writeFileSync(files.caFile, authority.certificatePem);
  return files;
}

describe('gRPC between services', () => {
  let server: GrpcServer;
  let authority: CertificateAuthority;
  const address = `unix:${directory}/control.sock`;
  beforeAll(async () => {
    authority = await createCertificateAuthority('test', tomorrow);
    server = new GrpcServer({ address, tls: await tlsOf(serviceName.control, authority) }, [
      {
        definition: identity.TunnelTokenServiceService,
        callers: { checkTunnelToken: [serviceName.edge] },
        implementation: {
          checkTunnelToken: (call, callback) => {
            if (call.request.accountTag === 'broken')
              callback(grpcFailure(status.UNAVAILABLE, 'database_unavailable', 'try again'));
            else callback(null, { outcome: { $case: 'accepted', value: { tunnelId: 'tnl_1' } } });
          },
        } satisfies identity.TunnelTokenServiceServer,
      },
    ]);
    await server.start();
  });
  afterAll(() => server.stop(100));

  const ask = async (
    tls: TlsFiles,
    accountTag = 'a',
    expected: (typeof serviceName)[keyof typeof serviceName] = serviceName.control,
  ) => {
    const channel = grpcChannel({ address, server: expected, tls });
    const client = new identity.TunnelTokenServiceClient(channel.address, channel.credentials, channel.options);
    try {
      return await callUnary(client.checkTunnelToken.bind(client), { ...request, accountTag }, { deadlineMs: 3_000 });
    } finally {
      client.close();
    }
  };

  it('answers the service that may call, and hands on code and reason of a failure', async () => {
    const edge = await tlsOf(serviceName.edge, authority);
    expect((await ask(edge)).outcome).toEqual({ $case: 'accepted', value: { tunnelId: 'tnl_1' } });
    const failure = await ask(edge, 'broken').catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: status.UNAVAILABLE, details: 'try again' });
    expect(reasonOf(failure as Parameters<typeof reasonOf>[0])).toBe('database_unavailable');
    expect(new Metadata().get('sallyport-reason')).toEqual([]);
  });

  it('refuses another service, a stranger, and a server with another name', async () => {
    await expect(ask(await tlsOf(serviceName.router, authority))).rejects.toMatchObject({
      code: status.PERMISSION_DENIED,
    });
    const foreign = await tlsOf(serviceName.edge, await createCertificateAuthority('foreign', tomorrow));
    const caOfServer = await tlsOf('ca-only', authority);
    await expect(ask({ ...foreign, caFile: caOfServer.caFile })).rejects.toMatchObject({ code: status.UNAVAILABLE });
    await expect(ask(await tlsOf(serviceName.edge, authority), 'a', serviceName.audit)).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    });
  });
});
