import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { addressList, isListed } from '../runtime/address.ts';

/**
 * What an address is, as far as a request that leaves the server is concerned.
 *
 * - `public`: a host in the internet.
 * - `private`: a host of this machine or of a network around it.
 * - `special`: nobody's host, an address that hides another one (IPv4-mapped, NAT64, 6to4, Teredo), or the metadata
 *   service of a cloud, which hands out the machine's credentials to whoever asks.
 */
export type AddressClass = 'public' | 'private' | 'special';

const PRIVATE: ReadonlySet<string> = new Set([
  'loopback',
  'private',
  'linkLocal',
  'carrierGradeNat',
  'uniqueLocal',
  'deprecatedSiteLocal',
]);

/** Where clouds answer their machines. One of them lies in a public range, one in that of carriers. */
const METADATA = addressList([
  '169.254.169.0/24',
  '169.254.170.0/24',
  '100.100.100.200',
  '168.63.129.16',
  'fd00:ec2::/32',
  'fd20:ce::/32',
]);

/** The only part of IPv6 that is given to hosts of the internet. */
const GLOBAL_UNICAST = addressList(['2000::/3']);

/** The class of an address in its usual spelling. What is none, or has a zone, is `special`. */
export function addressClass(address: string): AddressClass {
  const family = isIP(address);
  if (family === 0 || address.includes('%') || isListed(METADATA, address)) return 'special';
  const range = ipaddr.parse(address).range();
  if (PRIVATE.has(range)) return 'private';
  if (range !== 'unicast') return 'special';
  return family === 4 || isListed(GLOBAL_UNICAST, address) ? 'public' : 'special';
}
