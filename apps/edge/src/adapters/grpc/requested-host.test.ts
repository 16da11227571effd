import { describe, expect, it } from 'vitest';

import { hostRefusal, isRequestPath } from './requested-host.ts';

describe('what a caller may ask for', () => {
  it.each(['a.example.com', 'a.example.com:8443', '127.0.0.1', '[::1]:80', 'xn--bcher-kva.de'])('host %s', (host) => {
    expect(hostRefusal(host)).toBeUndefined();
  });

  it.each(['', 'A.example.com', 'a b', 'a/b', 'a@b', 'a:b', '-a', 'a\r\nb', 'a#', 'a'.repeat(300)])(
    'not host %j',
    (host) => {
      expect(hostRefusal(host)).toBe('request_malformed');
    },
  );

  it('never the management host, whatever is appended', () => {
    for (const host of ['management.argotunnel.com', 'management.argotunnel.com:443', 'management.argotunnel.com.']) {
      expect(hostRefusal(host)).toBe('host_forbidden');
    }
  });

  it('only paths that every connector can parse', () => {
    for (const path of ['/', '/a%2F?q=%20', '//b/../c', '*']) expect(isRequestPath(path)).toBe(true);
    for (const path of ['', 'a', '/%zz', '/a%', '/a b', '/a#b', '/\r\n', '/ü', 'http://h/'])
      expect(isRequestPath(path)).toBe(false);
  });
});
