import { readFileSync } from 'node:fs';

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

/** Below are the ports of well-known services. */
const lowest = 10_000;
const highest = 65_535;
/** Fewer are no choice. */
const portsMin = 1_000;
/** The defaults of Linux and, above, of other systems (RFC 6335 §6) in one. */
const outgoingDefault: PortRange = { first: 32_768, last: highest };

/** The ports that the system gives to outgoing connections: `ip_local_port_range` of Linux, ip(7). */
export function outgoingPorts(path = '/proc/sys/net/ipv4/ip_local_port_range'): PortRange {
  try {
    const [first = Number.NaN, last = Number.NaN] = readFileSync(path, 'utf8').trim().split(/\s+/).map(Number);
    return Number.isInteger(first) && Number.isInteger(last) ? { first, last } : outgoingDefault;
  } catch {
    return outgoingDefault;
  }
}

/** The larger range beside that of outgoing connections; undefined where that leaves none of 1 000 ports. */
export function portsBeside({ first, last }: PortRange): PortRange | undefined {
  const below = { first: lowest, last: Math.min(first - 1, highest) };
  const above = { first: Math.max(last + 1, lowest), last: highest };
  const larger = count(below) >= count(above) ? below : above;
  return count(larger) >= portsMin ? larger : undefined;
}

function count({ first, last }: PortRange): number {
  return last - first + 1;
}
