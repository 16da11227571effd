import { describe, expect, it } from 'vitest';
import { requestTarget } from './request-target.ts';

const own = new Set(['127.0.0.1:8080', 'localhost:8080']);
const target = (host: string | undefined, url: string) => requestTarget(host, url, own);

describe('request target', () => {
  it('is named by the host, whatever its case and port', () => {
    expect(target('Sample.X.tunnels.example:443', '/mcp?a=%2F')).toEqual({
      ok: true,
      value: { host: 'sample.x.tunnels.example', path: '/mcp?a=%2F' },
    });
  });

  it('is named by the path on the router’s own hosts', () => {
    expect(target('localhost:8080', '/t/sample.x.tunnels.example/mcp/a//b?c=1')).toEqual({
      ok: true,
      value: { host: 'sample.x.tunnels.example', path: '/mcp/a//b?c=1' },
    });
    expect(target('localhost:8080', '/t/sample.x.tunnels.example')).toMatchObject({ value: { path: '/' } });
    expect(target('localhost:8080', '/t/sample.x.tunnels.example?q')).toMatchObject({ value: { path: '/?q' } });
  });

  it('is the metadata of a resource, whose path is before that of the tunnel', () => {
    const before = '/.well-known/oauth-protected-resource';
    expect(target('localhost:8080', `${before}/t/sample.x.tunnels.example/mcp?a`)).toEqual({
      ok: true,
      value: { host: 'sample.x.tunnels.example', path: `${before}/mcp?a` },
    });
    expect(target('localhost:8080', `${before}/t/sample.x.tunnels.example`)).toMatchObject({ value: { path: before } });
    for (const url of [before, `${before}/mcp`, `/.well-known/openid-configuration/t/sample.x.tunnels.example/mcp`])
      expect(target('localhost:8080', url)).toMatchObject({ reason: 'host-not-served' });
    expect(target('sample.x.tunnels.example', `${before}/mcp`)).toMatchObject({ value: { path: `${before}/mcp` } });
  });

  it('is a session by its path, on the router’s own hosts alone', () => {
    const url = '/v1/sessions/sesn_01abc-d/mcp';
    expect(target('127.0.0.1:8080', url)).toEqual({ ok: true, value: { sessionId: 'sesn_01abc-d' } });
    expect(target('localhost:8080', `${url}?beta=true`)).toMatchObject({ value: { sessionId: 'sesn_01abc-d' } });
    expect(target('sample.x.tunnels.example', url)).toMatchObject({ value: { host: 'sample.x.tunnels.example' } });
    for (const other of ['/v1/sessions//mcp', '/v1/sessions/a/mcp/', '/v1/sessions/a%2e/mcp', '/v1/sessions/a/b/mcp'])
      expect(target('localhost:8080', other)).toMatchObject({ reason: 'host-not-served' });
    expect(target('localhost:8080', `/v1/sessions/${'a'.repeat(65)}/mcp`)).toMatchObject({ ok: false });
  });

  it.each([
    ['a foreign address', '10.0.0.1', '/mcp'],
    ['another port of ours', 'localhost:9999', '/t/sample.x.tunnels.example/mcp'],
    ['no host', undefined, '/mcp'],
    ['the router itself', 'localhost:8080', '/mcp'],
    ['a host with an address in it', 'localhost:8080', '/t/user@evil.example/mcp'],
    ['a host with an escape', 'localhost:8080', '/t/a%2eb.example/mcp'],
    ['an upper case host in the path', 'localhost:8080', '/t/Sample.x.example/mcp'],
  ])('refuses %s', (_name, host, url) => {
    expect(target(host, url)).toEqual({ ok: false, reason: 'host-not-served' });
  });

  it.each([
    '/mcp/../admin',
    '/mcp/%2e%2E/admin',
    '/mcp/..%2fadmin',
    '/mcp/.',
    '/mcp\\..\\admin',
    '/mcp/..?a',
    '/t/a.b/..',
  ])('refuses the path %j, which servers read differently', (url) => {
    expect(target('sample.x.tunnels.example', url)).toEqual({ ok: false, reason: 'bad-path' });
  });

  it.each(['/a..b', '/.well-known/x', '/a?b=../c', '/a/...'])('takes the path %j', (url) => {
    expect(target('sample.x.tunnels.example', url)).toMatchObject({ value: { path: url } });
  });

  it.each(['/a%zz', '/a b', '//\u0000', 'http://evil/', '/a#b', '*'])('refuses the path %j', (url) => {
    expect(target('sample.x.tunnels.example', url)).toEqual({ ok: false, reason: 'bad-path' });
  });
});
