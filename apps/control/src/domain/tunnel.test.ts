import { fail } from '@sallyport/result';
import { describe, expect, it } from 'vitest';
import { type TunnelCommand, tunnelDecider, type TunnelEvent } from './tunnel.ts';

const created: TunnelEvent = {
  type: 'TunnelCreated',
  tunnelId: 'tnl_1',
  workspaceId: 'wrkspc_1',
  uuid: 'u',
  displayName: null,
  domain: 'x.tunnels.example',
  mode: 'end_to_end',
  routerUnauthenticated: false,
  tokenId: 't1',
  sealedToken: 's1',
  tokenSha256: 'h1',
  atMs: 1,
};
const certificate = (name: string) => ({
  certificateId: `tcrt_${name}`,
  fingerprint: name,
  pem: name,
  expiresAtMs: 9,
  createdAtMs: 1,
});
const registered = (name: string): TunnelEvent => ({ type: 'CertificateRegistered', ...certificate(name) });

const given = (...events: readonly TunnelEvent[]) => ({
  when: (command: TunnelCommand) =>
    tunnelDecider.decide(events.reduce(tunnelDecider.evolve, tunnelDecider.initialState), command),
});
const types = (decision: ReturnType<typeof tunnelDecider.decide>) =>
  decision.ok ? decision.value.map((event) => event.type) : decision.reason;

describe('tunnel', () => {
  it('is created once', () => {
    const { type: _type, ...facts } = created;
    expect(types(given().when({ ...facts, type: 'CreateTunnel' }))).toEqual(['TunnelCreated']);
    expect(types(given(created).when({ ...facts, type: 'CreateTunnel' }))).toBe('tunnel-exists');
    expect(types(given().when({ type: 'ArchiveTunnel', atMs: 2 }))).toBe('tunnel-unknown');
  });

  it('holds two active certificates, not the same one twice, and an archived one frees its place', () => {
    const full = [created, registered('a'), registered('b')];
    expect(given(...full).when({ type: 'RegisterCertificate', ...certificate('c') })).toEqual(
      fail('too-many-certificates'),
    );
    expect(given(created, registered('a')).when({ type: 'RegisterCertificate', ...certificate('a') })).toEqual(
      fail('certificate-registered'),
    );
    const freed: TunnelEvent = { type: 'CertificateArchived', certificateId: 'tcrt_a', atMs: 3 };
    expect(types(given(...full, freed).when({ type: 'RegisterCertificate', ...certificate('c') }))).toEqual([
      'CertificateRegistered',
    ]);
    expect(types(given(...full, freed).when({ type: 'ArchiveCertificate', certificateId: 'tcrt_a', atMs: 4 }))).toEqual(
      [],
    );
    expect(types(given(...full).when({ type: 'ArchiveCertificate', certificateId: 'tcrt_x', atMs: 4 }))).toBe(
      'certificate-unknown',
    );
  });

  it('archives with its certificates, once, and then takes nothing but reads', () => {
    const archived = given(created, registered('a')).when({ type: 'ArchiveTunnel', atMs: 5 });
    expect(types(archived)).toEqual(['CertificateArchived', 'TunnelArchived']);
    const after = given(created, registered('a'), ...(archived.ok ? archived.value : []));
    expect(types(after.when({ type: 'ArchiveTunnel', atMs: 6 }))).toEqual([]);
    expect(
      types(
        after.when({ type: 'RotateToken', tokenId: 't2', sealedToken: 's2', tokenSha256: 'h2', reason: null, atMs: 6 }),
      ),
    ).toBe('tunnel-archived');
    expect(types(after.when({ type: 'RevealToken', atMs: 6 }))).toBe('tunnel-archived');
    expect(types(after.when({ type: 'RegisterCertificate', ...certificate('b') }))).toBe('tunnel-archived');
  });

  it('reveals the token that was rotated in last', () => {
    const rotated: TunnelEvent = {
      type: 'TokenRotated',
      tokenId: 't2',
      sealedToken: 's2',
      tokenSha256: 'h2',
      reason: null,
      atMs: 2,
    };
    expect(given(created, rotated).when({ type: 'RevealToken', atMs: 3 })).toMatchObject({
      value: [{ type: 'TokenRevealed', tokenId: 't2' }],
    });
  });
});
