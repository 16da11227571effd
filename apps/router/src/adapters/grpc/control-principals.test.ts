import { createHash } from 'node:crypto';
import { type ServerWritableStream, status } from '@grpc/grpc-js';
import { route } from '@sallyport/contracts';
import { grpcChannel, grpcFailure, GrpcServer, serviceName } from '@sallyport/grpc';
import { createLogger } from '@sallyport/telemetry';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PeerTls } from '../../testing/peer-tls.ts';
import { ControlClient } from './control-client.ts';
import { ControlPrincipals } from './control-principals.ts';

type Watch = ServerWritableStream<route.WatchRevisionRequest, route.WatchRevisionResponse>;

const alice = { workspaceId: 'wrkspc_1', principalId: 'apikey_1' };

describe('principals', () => {
  const known = new Map<string, route.Principal>();
  let revision = 1n;
  let asked = 0;
  let broken = false;
  let watch: Watch | undefined;
  let server: GrpcServer;
  let control: ControlClient;
  let principals: ControlPrincipals;

  beforeEach(async () => {
    [revision, asked, broken, watch] = [1n, 0, false, undefined];
    known.clear();
    known.set(createHash('sha256').update('sk-alice').digest('hex'), alice);
    const peers = await PeerTls.make();
    const implementation: route.RouteServiceServer = {
      resolveRoute: (_call, callback) => callback(grpcFailure(status.UNIMPLEMENTED, 'internal', 'no')),
      resolvePolicy: (_call, callback) => callback(grpcFailure(status.UNIMPLEMENTED, 'internal', 'no')),
      resolvePrincipal: (call, callback) => {
        asked += 1;
        const principal = known.get(Buffer.from(call.request.credentialSha256).toString('hex'));
        if (broken) callback(grpcFailure(status.UNAVAILABLE, 'database_unavailable', 'no'));
        else callback(null, { revision, principal });
      },
      watchRevision: (call) => {
        watch = call;
        call.write({ revision });
      },
    };
    const callers = { resolvePrincipal: [serviceName.router], watchRevision: [serviceName.router] };
    const address = `unix:${peers.directory}/control.sock`;
    server = new GrpcServer({ address, tls: await peers.files(serviceName.control) }, [
      { definition: route.RouteServiceService, implementation, callers },
    ]);
    await server.start();
    const tls = await peers.files(serviceName.router);
    const channel = grpcChannel({ address, server: serviceName.control, tls });
    control = new ControlClient(channel, createLogger('router', { level: 'silent' }));
    principals = new ControlPrincipals(control);
    await control.start();
  });
  afterEach(async () => {
    await control.stop();
    await server.stop(0);
  });

  /** Until the watch has told the revision nothing is remembered. */
  const remembered = async () => {
    await expect
      .poll(async () => {
        const before = asked;
        await principals.resolve('sk-alice');
        return asked === before;
      })
      .toBe(true);
  };

  it('are asked for once, as long as control confirms that nothing has changed', async () => {
    expect(await principals.resolve('sk-alice')).toEqual({ ok: true, value: alice });
    await remembered();
    expect(await principals.resolve('sk-other')).toEqual({ ok: false, reason: 'credential_unknown' });
    const before = asked;
    expect(await principals.resolve('sk-other')).toEqual({ ok: false, reason: 'credential_unknown' });
    expect(asked).toBe(before);
  });

  it('are gone with their key as soon as control tells of a change', async () => {
    await remembered();
    known.clear();
    revision = 2n;
    watch?.write({ revision });
    await expect.poll(() => principals.resolve('sk-alice')).toEqual({ ok: false, reason: 'credential_unknown' });
  });

  it('are not known while control cannot tell', async () => {
    broken = true;
    expect(await principals.resolve('sk-alice')).toEqual({ ok: false, reason: 'control_unavailable' });
    broken = false;
    expect(await principals.resolve('sk-alice')).toEqual({ ok: true, value: alice });
  });
});
