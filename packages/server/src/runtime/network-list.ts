import { type BlockList, isIP } from 'node:net';
import { addressList, isListed } from './address.ts';

/** Places in the network that somebody named: hosts, addresses, networks. */
export interface NetworkList {
  /** Whether it names this host, by its name or by one of its addresses, for this port. */
  lists(host: string, address: string, port: number): boolean;
}

type Matches = (host: string, address: string) => boolean;

/**
 * Reads a list of `10.0.0.0/8`, `10.1.2.3`, `fd00::/8`, `intranet.example` and `*.intranet.example`; an address or a
 * name may end in a port (`127.0.0.1:3000`, `[::1]:3000`), and is then listed for that one alone. A name covers whatever
 * address it has when it is asked for. Throws a RangeError that shows the entry it cannot read.
 */
export function networkList(entries: readonly string[]): NetworkList {
  const rules = entries.map(readEntry);
  return {
    lists: (host, address, port) =>
      rules.some((rule) => (rule.port === undefined || rule.port === port) && rule.matches(host, address)),
  };
}

export const NO_NETWORKS: NetworkList = { lists: () => false };

function readEntry(entry: string): { readonly port: number | undefined; readonly matches: Matches } {
  if (entry.includes('/') || isIP(entry) !== 0)
    return { port: undefined, matches: within(addressList([entry])) };
  const [, place = '', digits] = /^(.*?)(?::(\d{1,5}))?$/.exec(entry) ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  if (port !== undefined && (port < 1 || port > 65_535)) throw unreadable(entry);
  const bracketed = /^\[(.*)\]$/.exec(place)?.[1];
  const address = bracketed ?? place;
  if (bracketed !== undefined && isIP(bracketed) !== 6) throw unreadable(entry);
  if (isIP(address) !== 0) return { port, matches: within(addressList([address])) };
  return { port, matches: named(place, entry) };
}

function within(list: BlockList): Matches {
  return (_host, address) => isListed(list, address);
}

function named(pattern: string, entry: string): Matches {
  const below = pattern.startsWith('*.');
  const name = below ? pattern.slice(2) : pattern;
  const plain = /^[^\s/?#@:[\]\\%*]+$/.test(name)
    ? URL.parse(`http://${name}`)?.hostname.replace(/\.$/, '')
    : undefined;
  // A name that a URL reads as an address is one in disguise: it must be written as what it is.
  if (plain === undefined || plain === '' || isIP(plain) !== 0) throw unreadable(entry);
  return (host) => (below ? host.endsWith(`.${plain}`) : host === plain);
}

function unreadable(entry: string): RangeError {
  return new RangeError(`Not a host, address or network: ${JSON.stringify(entry.slice(0, 64))}`);
}
