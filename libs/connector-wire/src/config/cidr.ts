import { BlockList, isIP } from 'node:net';

/** An address range, for example `10.0.0.0/8` or `::1/128`. */
export interface Cidr {
  readonly address: string;
  readonly prefixBits: number;
  readonly family: 'ipv4' | 'ipv6';
}

/** A range, or one address without a prefix length. Undefined where the text is neither. */
export function parseCidr(text: string): Cidr | undefined {
  const [address = '', prefix, ...rest] = text.split('/');
  const version = isIP(address);
  if (version === 0 || rest.length > 0 || address.includes('%')) return undefined;
  const bitsMax = version === 4 ? 32 : 128;
  if (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) return undefined;
  const prefixBits = prefix === undefined ? bitsMax : Number(prefix);
  return prefixBits > bitsMax ? undefined : { address, prefixBits, family: version === 4 ? 'ipv4' : 'ipv6' };
}

/** Ranges as one matcher. An IPv4 address in IPv6 form matches the IPv4 ranges. */
export function cidrBlockList(ranges: readonly Cidr[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) list.addSubnet(range.address, range.prefixBits, range.family);
  return list;
}
