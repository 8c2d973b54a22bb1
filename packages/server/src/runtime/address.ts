import { BlockList, isIP, isIPv4 } from 'node:net';

/** `::ffff:10.0.0.1` is how a dual-stack socket shows `10.0.0.1`. */
const MAPPED = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i;

/** One spelling per address: IPv4 that came through an IPv6 socket is IPv4, a zone is dropped. */
export function plainAddress(address: string): string {
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  const zone = address.indexOf('%');
  return zone === -1 ? address : address.slice(0, zone);
}

/** Whether an address is in a list; false for what is no address. */
export function isListed(list: BlockList, address: string): boolean {
  if (isIP(address) === 0) return false;
  return list.check(address, isIPv4(address) ? 'ipv4' : 'ipv6');
}

/**
 * A list of addresses and networks (`10.0.0.1`, `10.0.0.0/8`, `fd00::/8`). Throws a RangeError that names the
 * entry it cannot read.
 */
export function addressList(entries: readonly string[]): BlockList {
  const list = new BlockList();
  for (const entry of entries) {
    const [address = '', prefix, ...rest] = entry.split('/');
    const family = isIP(address);
    const longest = family === 4 ? 32 : 128;
    const bits = prefix === undefined ? longest : /^\d{1,3}$/.test(prefix) ? Number(prefix) : Number.NaN;
    if (family === 0 || rest.length > 0 || !(bits <= longest)) {
      throw new RangeError(`Not an address or network: ${JSON.stringify(entry.slice(0, 64))}`);
    }
    list.addSubnet(address, bits, family === 4 ? 'ipv4' : 'ipv6');
  }
  return list;
}
