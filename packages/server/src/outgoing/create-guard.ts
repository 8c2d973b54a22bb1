import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import type { Clock } from '../runtime/clock.ts';
import { NO_NETWORKS, type NetworkList } from '../runtime/network-list.ts';
import { addressClass } from './address-class.ts';
import { isBlockedPort } from './blocked-ports.ts';
import type { OutgoingGuard, OutgoingTarget, Reach } from './outgoing.ts';
import { plainHost } from './plain-host.ts';

export interface GuardParts {
  readonly clock: Clock;
  /** Whether loopback, private, link-local and shared networks are open to everybody. */
  readonly allowPrivate: boolean;
  /** What else is open to everybody. */
  readonly allowed: NetworkList;
  /** How long a name may take to resolve, ms. */
  readonly resolveMs: number;
  /** The addresses of a name, in order; rejects if there is none. Default: the system's resolver. */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  /** Addresses of this machine. Default: those of its interfaces, as they are when asked for. */
  readonly ownAddresses?: () => readonly string[];
}

/** Blocked to whatever speaks HTTP. */
const RTSP_PORT = 554;

/** Makes the guard of outgoing requests. See outgoing.ts for what it promises. */
export function createGuard(parts: GuardParts): OutgoingGuard {
  const { clock, allowPrivate, allowed } = parts;
  const { resolve = systemResolve, ownAddresses = interfaceAddresses } = parts;

  function isPublic(address: string): boolean {
    return addressClass(address) === 'public' && !ownAddresses().includes(address);
  }

  function isOpen(host: string, address: string, port: number, also: NetworkList): boolean {
    if (allowed.lists(host, address, port) || also.lists(host, address, port)) return true;
    return allowPrivate ? addressClass(address) !== 'special' : isPublic(address);
  }

  async function addressesOf(host: string): Promise<readonly string[] | undefined> {
    if (isIP(host) !== 0) return [host];
    const { promise: late, resolve: giveUp } = Promise.withResolvers<undefined>();
    using _timer = clock.after(parts.resolveMs, () => giveUp(undefined));
    const found = resolve(host).catch(() => undefined);
    return await Promise.race([found, late]);
  }

  return {
    async reach({ host: text, port, protocol, also = NO_NETWORKS }: OutgoingTarget): Promise<Reach> {
      const host = plainHost(text);
      if (host === undefined) return { kind: 'refused', host: text.slice(0, 255), reason: 'host' };
      if (isBlockedPort(port) && !(protocol === 'rtsp' && port === RTSP_PORT))
        return { kind: 'refused', host, reason: 'port' };
      const found = await addressesOf(host);
      if (found === undefined || found.length === 0) return { kind: 'unresolved', host };
      const addresses = found.filter((address) => isOpen(host, address, port, also));
      return addresses.length === 0
        ? { kind: 'refused', host, reason: 'address' }
        : { kind: 'open', host, addresses, outside: addresses.every(isPublic) };
    },
  };
}

async function systemResolve(host: string): Promise<readonly string[]> {
  const found = await lookup(host, { all: true, order: 'verbatim' });
  return found.map(({ address }) => address);
}

function interfaceAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((each = []) => each.map(({ address }) => address));
}
