import type { Clock } from '../runtime/clock.ts';
import { networkOf } from '../runtime/network-of.ts';

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
