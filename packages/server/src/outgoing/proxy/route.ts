import { isIP } from 'node:net';
import type { NetworkList } from '../../runtime/network-list.ts';
import { isBlockedPort } from '../blocked-ports.ts';
import type { OutgoingGuard, RefusalReason } from '../outgoing.ts';
import { plainHost } from '../plain-host.ts';
import type { Upstream } from './upstream.ts';

/** Where a browser wants to go. */
export interface Destination {
  readonly host: string;
  readonly port: number;
}

/** How to get there, every address on the way checked. */
export type Route =
  | {
      readonly kind: 'direct';
      readonly host: string;
      readonly addresses: readonly string[];
      readonly port: number;
    }
  | {
      readonly kind: 'upstream';
      readonly upstream: Upstream;
      /** Of the other proxy. */
      readonly addresses: readonly string[];
      /** What the other proxy is asked for: a name, or an address. */
      readonly host: string;
      readonly port: number;
    }
  | { readonly kind: 'refused'; readonly host: string; readonly reason: RefusalReason | 'upstream' }
  | { readonly kind: 'unresolved'; readonly host: string };

/**
 * Finds the way, asking the resolver at most once for each name.
 *
 * Another proxy on a public address is outside: it resolves names by itself, as is its use, and what it reaches there
 * anybody reaches. One on a private address, which somebody had to allow, stands inside: it is asked for the address that
 * was checked, never for a name, so it leads nowhere that the rule does not.
 */
export async function findRoute(
  guard: OutgoingGuard,
  { host, port }: Destination,
  upstream: Upstream | undefined,
  also: NetworkList,
): Promise<Route> {
  if (upstream === undefined) {
    const reach = await guard.reach({ host, port, also });
    return reach.kind === 'open'
      ? { kind: 'direct', host: reach.host, addresses: reach.addresses, port }
      : reach;
  }
  const other = await guard.reach({ host: upstream.host, port: upstream.port, also });
  if (other.kind === 'refused') return { ...other, reason: 'upstream' };
  if (other.kind === 'unresolved') return other;
  const way = { kind: 'upstream', upstream, addresses: other.addresses, port } as const;
  const plain = plainHost(host);
  if (other.outside && plain !== undefined && isIP(plain) === 0) {
    if (isBlockedPort(port)) return { kind: 'refused', host: plain, reason: 'port' };
    if (/(?:^|\.)localhost$/.test(plain)) return { kind: 'refused', host: plain, reason: 'address' };
    return { ...way, host: plain };
  }
  const reach = await guard.reach({ host, port, also });
  if (reach.kind !== 'open') return reach;
  return { ...way, host: reach.addresses[0] ?? reach.host };
}
