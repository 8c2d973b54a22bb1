import type { Clock } from '../runtime/clock.ts';
import { deadlineOf, type LeaseInput, type LeaseTerms, openLease, step } from './lease.ts';

/** Drives a lease by a clock. Disposing stops it without an effect. */
export interface LeaseTimer extends Disposable {
  renew(): void;
  /** ms since 1970; null: never. */
  readonly expiresAt: number | null;
}

export interface LeaseEffects {
  /** The lease runs out at `expiresAt` (ms since 1970) unless renewed. */
  announce(expiresAt: number): void;
  expire(): void;
}

// Timers hold 31 bits of ms; a longer wait is made of several.
const LONGEST_WAIT = 2 ** 31 - 1;

/** Begins a lease now. A lease shorter than its notice is announced before this returns. */
export function startLease(terms: LeaseTerms, clock: Clock, effects: LeaseEffects): LeaseTimer {
  let current = openLease(terms, clock.now());
  let timer: Disposable | undefined;
  let disposed = false;

  function perform(): void {
    timer?.[Symbol.dispose]();
    timer = undefined;
    const { wakeAt, effect, lease } = current;
    if (wakeAt !== null) timer = clock.after(Math.min(LONGEST_WAIT, Math.max(0, wakeAt - clock.now())), tick);
    const deadline = deadlineOf(lease);
    if (effect === 'announce' && deadline !== null) effects.announce(deadline);
    if (effect === 'expire') effects.expire();
  }

  function take(kind: LeaseInput['kind']): void {
    if (disposed) return;
    current = step(current.lease, { kind, now: clock.now() });
    perform();
  }

  function tick(): void {
    take('tick');
  }

  perform();
  return {
    renew: () => take('renew'),
    get expiresAt() {
      return deadlineOf(current.lease);
    },
    [Symbol.dispose]() {
      disposed = true;
      timer?.[Symbol.dispose]();
    },
  };
}
