import { fail, ok } from '@sallyport/result';
import { describe, expect, it } from 'vitest';

import { ConnectionRegistry } from '../domain/connection-registry.ts';
import { TunnelTokens } from '../ports/tunnel-tokens.ts';
import { RegisterConnection, type RegistrationClaim } from './register-connection.ts';

type Check = Awaited<ReturnType<TunnelTokens['check']>>;

class FixedTokens extends TunnelTokens {
  readonly #answer: Check;
  checks = 0;

  constructor(answer: Check) {
    super();
    this.#answer = answer;
  }

  check(): Promise<Check> {
    this.checks += 1;
    return Promise.resolve(this.#answer);
  }
}

const claim: RegistrationClaim = {
  accountTag: 'acct',
  tunnelUuid: '11111111-2222-4333-8444-555555555555',
  tunnelSecret: Buffer.alloc(32),
  connectorId: 'c',
  features: [],
  version: 'v',
  architecture: 'a',
};

describe('registration', () => {
  it.each([
    ['unknown', 'token-unknown'],
    ['archived', 'tunnel-archived'],
    ['unavailable', 'token-check-unavailable'],
  ] as const)('a token that is %s gives %s', async (answer, reason) => {
    const useCase = new RegisterConnection(new FixedTokens(fail(answer)), new ConnectionRegistry(), {
      connectionsPerTunnelMax: 2,
    });
    expect(await useCase.run(claim)).toEqual({ ok: false, reason });
  });

  it.each([
    { connectorId: undefined },
    { accountTag: '' },
    { accountTag: 'x'.repeat(256) },
    { tunnelSecret: Buffer.alloc(31) },
    { tunnelSecret: Buffer.alloc(257) },
    { tunnelUuid: '' },
    { version: 'x'.repeat(129) },
    { features: Array.from({ length: 65 }, () => 'f') },
    { architecture: 'a\u001b[2J' },
  ])('asks nobody about a malformed claim', async (part) => {
    const tokens = new FixedTokens(ok({ tunnelId: 'tnl_1' }));
    const useCase = new RegisterConnection(tokens, new ConnectionRegistry(), { connectionsPerTunnelMax: 2 });
    expect(await useCase.run({ ...claim, ...part })).toEqual({ ok: false, reason: 'registration-malformed' });
    expect(tokens.checks).toBe(0);
  });

  it('bounds the connections of a tunnel, and sends everybody away while draining', async () => {
    const registry = new ConnectionRegistry();
    const useCase = new RegisterConnection(new FixedTokens(ok({ tunnelId: 'tnl_1' })), registry, {
      connectionsPerTunnelMax: 1,
    });
    expect(await useCase.run(claim)).toEqual({ ok: true, value: { tunnelId: 'tnl_1', connectorId: 'c' } });
    registry.add({ tunnelId: 'tnl_1', connectorId: 'd', connectionIndex: 0, draining: false, streamsOpen: 0 });
    expect(await useCase.run(claim)).toEqual({ ok: false, reason: 'too-many-connections-of-tunnel' });
    useCase.drain();
    expect(await useCase.run(claim)).toEqual({ ok: false, reason: 'edge-draining' });
  });
});
