import { describe, expect, it } from 'vitest';

import { parseManageRequest } from './manage-request.ts';

const parse = (text: string) => parseManageRequest(text.split(' '));

describe('commands that change what control keeps', () => {
  it.each([
    ['tunnels list', { method: 'GET', path: '/v1/tunnels?limit=1000' }],
    [
      'tunnels create --name a',
      { method: 'POST', path: '/v1/tunnels', body: { display_name: 'a', sallyport: { mode: 'end_to_end' } } },
    ],
    ['tunnels create --transport', { body: { sallyport: { mode: 'transport' } } }],
    ['tunnels token tnl_1', { method: 'POST', path: '/v1/tunnels/tnl_1/reveal_token' }],
    ['tunnels rotate tnl_1 --reason leaked', { path: '/v1/tunnels/tnl_1/rotate_token', body: { reason: 'leaked' } }],
    [
      'tunnels register tnl_1 --file ca.pem',
      {
        path: '/v1/tunnels/tnl_1/certificates',
        file: { path: 'ca.pem', as: 'ca_certificate_pem' },
      },
    ],
    ['tunnels unregister tnl_1 tcrt_1', { path: '/v1/tunnels/tnl_1/certificates/tcrt_1/archive' }],
    [
      'keys create --name a --scopes call,audit',
      { path: '/v1/api_keys', body: { name: 'a', scopes: ['call', 'audit'] } },
    ],
    ['keys revoke apikey_1 --data /d', { path: '/v1/api_keys/apikey_1/revoke', access: { data: '/d' } }],
    ['policy set --file p.json', { path: '/v1/policy', file: { path: 'p.json', as: 'body' } }],
  ])('reads %s', (text, request) => {
    expect(parse(text)).toMatchObject({ ok: true, value: { kind: 'request', ...request } });
  });

  it('helps, and knows the CA', () => {
    expect(parse('tunnels --help')).toMatchObject({ value: { kind: 'help' } });
    expect(parse('router-ca')).toMatchObject({ value: { kind: 'router-ca' } });
  });

  it.each([
    'tunnels',
    'tunnels nonsense',
    'tunnels token',
    'tunnels token a b',
    'tunnels token ../x',
    'tunnels register tnl_1',
    'keys create',
    'policy set',
    'router-ca more',
    'keys list --nonsense',
  ])('refuses "%s" in one line', (text) => {
    const parsed = parse(text);
    expect(parsed.ok ? text : parsed.reason).toMatch(/see sallyport|needs --/);
  });
});
