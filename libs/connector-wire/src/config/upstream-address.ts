import { type BlockList, isIP } from 'node:net';

import { type Cidr, cidrBlockList, parseCidr } from './cidr.ts';

/** Never dialled, whatever the configuration says: link-local (cloud metadata), multicast, unspecified, broadcast and their IPv6 likes. */
const neverAllowed = ranges([
  '169.254.0.0/16',
  'fe80::/10',
  '224.0.0.0/4',
  'ff00::/8',
  '0.0.0.0/8',
  '::/128',
  '240.0.0.0/4',
  'fd00:ec2::254/128',
]);

/** Dialled only where `x-sallyport.allow` names them: private, loopback, shared and benchmark networks. */
const onlyIfNamed = ranges([
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '127.0.0.0/8',
  '::1/128',
  'fc00::/7',
  '100.64.0.0/10',
  '198.18.0.0/15',
  '192.0.0.0/24',
]);

/** Ranges whose addresses carry an IPv4 address inside: a NAT64 or 6to4 path would reach what the rules above forbid. */
const embedding = ranges(['64:ff9b::/96', '64:ff9b:1::/48', '2002::/16', '::/96']);

export type UpstreamAddressRefusal = 'address-never-allowed' | 'address-not-in-allow-list' | 'not-an-address';

/**
 * Says whether the proxy may dial an address. With `allow` empty every public address may be dialled and no private one; with ranges named, these
 * and no others: naming a list replaces the default.
 */
export class UpstreamAddressPolicy {
  readonly #allow: BlockList;
  readonly #listed: boolean;

  constructor(allow: readonly Cidr[]) {
    this.#allow = cidrBlockList(allow);
    this.#listed = allow.length > 0;
  }

  /** Undefined where the address may be dialled. */
  refusal(address: string): UpstreamAddressRefusal | undefined {
    const version = isIP(address);
    if (version === 0 || address.includes('%')) return 'not-an-address';
    const family = version === 4 ? 'ipv4' : 'ipv6';
    if (neverAllowed.check(address, family)) return 'address-never-allowed';
    if (this.#allow.check(address, family)) return undefined;
    if (this.#listed || onlyIfNamed.check(address, family)) return 'address-not-in-allow-list';
    return family === 'ipv6' && embedding.check(address, family) ? 'address-not-in-allow-list' : undefined;
  }
}

function ranges(texts: readonly string[]): BlockList {
  return cidrBlockList(texts.map((text) => parseCidr(text)).filter((range) => range !== undefined));
}
