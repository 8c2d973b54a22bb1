import { isIPv6 } from 'node:net';
import type { Clock } from '../runtime/clock.ts';

export interface FailureSettings {
  /** Failures from one address that are answered 401; what follows is refused. */
  readonly limit: number;
  /** How long a failure counts, ms. */
  readonly windowMs: number;
}

/** Failed attempts by address (D-24). A valid credential never asks here, so nobody can lock another out. */
export interface Failures {
  /** Counts one. True if there were too many already. */
  fail(address: string): boolean;
}

/** Addresses remembered at once; beyond it those that failed longest ago are forgotten. */
const MAX_ADDRESSES = 10_000;

export function countFailures(clock: Clock, settings: FailureSettings): Failures {
  // In the order of their last failure, so that the first is the one to forget.
  const times = new Map<string, number[]>();
  return {
    fail(address) {
      const network = networkOf(address);
      const now = clock.now();
      const recent = (times.get(network) ?? []).filter((time) => time > now - settings.windowMs);
      const tooMany = recent.length >= settings.limit;
      // Those over the limit are not counted: who goes on guessing is let in again a window after the first.
      if (!tooMany) recent.push(now);
      times.delete(network);
      times.set(network, recent);
      if (times.size > MAX_ADDRESSES) {
        for (const oldest of times.keys()) {
          times.delete(oldest);
          break;
        }
      }
      return tooMany;
    },
  };
}

/** An IPv6 caller has 2^64 addresses of its own: its /64 is what counts. */
function networkOf(address: string): string {
  if (!isIPv6(address)) return address;
  const [before = '', after] = address.toLowerCase().split('::');
  const left = before === '' ? [] : before.split(':');
  const right = after === undefined || after === '' ? [] : after.split(':');
  const groups =
    after === undefined
      ? left
      : [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
