import type { PeerCertificate } from 'node:tls';

import { describe, expect, it } from 'vitest';

import { refusalOfHandshake, routerRefusal } from './router-identity.ts';

function peer(certificate: Partial<PeerCertificate> & { bits?: number; modulus?: string }, authorized = true) {
  return { authorized, getPeerCertificate: () => certificate as never };
}

const subject = { CN: 'router.sallyport.internal' } as PeerCertificate['subject'];
const subjectaltname = 'DNS:router.sallyport.internal';

describe('who is the router', () => {
  it('a verified certificate with the exact name and a strong key', () => {
    expect(routerRefusal(peer({ subjectaltname, bits: 256 }))).toBeUndefined();
    expect(routerRefusal(peer({ subject, bits: 256 }))).toBeUndefined();
    expect(routerRefusal(peer({ subjectaltname, bits: 2048, modulus: 'x' }))).toBeUndefined();
  });

  it.each([
    [{ subjectaltname, bits: 1024, modulus: 'x' }, 'router_certificate_weak_or_malformed'],
    [{ subjectaltname, bits: 192 }, 'router_certificate_weak_or_malformed'],
    [{ subjectaltname: 'DNS:*.sallyport.internal', bits: 256 }, 'router_certificate_wrong_name'],
    [{ subjectaltname: 'DNS:router.sallyport.internal.evil', bits: 256 }, 'router_certificate_wrong_name'],
    [{ subjectaltname: 'DNS:edge.sallyport.internal', subject, bits: 256 }, 'router_certificate_wrong_name'],
    [{ subjectaltname: 'URI:router.sallyport.internal', subject: {}, bits: 256 }, 'router_certificate_wrong_name'],
    [{}, 'router_certificate_missing'],
  ])('not %j', (certificate, refusal) => {
    expect(routerRefusal(peer(certificate))).toBe(refusal);
  });

  it('nobody whose chain was not verified', () => {
    expect(routerRefusal(peer({ subjectaltname, bits: 256 }, false))).toBe('router_certificate_refused');
  });

  it('every failed handshake has a code', () => {
    expect(refusalOfHandshake(new Error('x'), 'CERT_HAS_EXPIRED')).toBe('router_certificate_expired');
    expect(refusalOfHandshake(new Error('x'), 'SOMETHING_NEW')).toBe('router_certificate_refused');
    expect(refusalOfHandshake(new Error('x'), null)).toBe('inner_tls_failed');
    const missing = Object.assign(new Error('x'), { code: 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE' });
    expect(refusalOfHandshake(missing, undefined)).toBe('router_certificate_missing');
  });
});
