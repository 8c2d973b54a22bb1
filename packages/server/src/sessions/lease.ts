/**
 * How long a session lives unless something renews it (F9). Pure: time comes in with each input.
 *
 *              notice ms before the deadline              the deadline
 *      OPEN ──────────────────────────────▶ EXPIRING ──────────────────────▶ EXPIRED
 *        ▲  ◀───────────────────────────────   │                            (final: a renewal
 *        └── renew                renew, unless only the lifetime is left    comes too late)
 *
 * Never expires before its deadline; a renewal that arrives at or behind it changes nothing.
 */
export type Lease =
  | {
      readonly kind: 'open';
      readonly terms: LeaseTerms;
      readonly openedAt: number;
      readonly renewedAt: number;
    }
  /** The stream was told that the end is near. */
  | {
      readonly kind: 'expiring';
      readonly terms: LeaseTerms;
      readonly openedAt: number;
      readonly renewedAt: number;
    }
  | {
      readonly kind: 'expired';
      readonly terms: LeaseTerms;
      readonly openedAt: number;
      readonly renewedAt: number;
    };

/** All in ms; null: without that limit. */
export interface LeaseTerms {
  /** Since the last renewal. */
  readonly idle: number | null;
  /** In all, whatever renews it. */
  readonly lifetime: number | null;
  /** How long before the end the stream is told. A lease shorter than this is announced as it opens. */
  readonly notice: number;
}

/** `now` is ms since 1970. A `tick` is time passing. */
export type LeaseInput =
  | { readonly kind: 'renew'; readonly now: number }
  | { readonly kind: 'tick'; readonly now: number };

export interface LeaseStep {
  readonly lease: Lease;
  readonly effect: 'none' | 'announce' | 'expire';
  /** When to tick next, ms since 1970; null: never. */
  readonly wakeAt: number | null;
}

/** A lease that begins now. */
export function openLease(terms: LeaseTerms, now: number): LeaseStep {
  return step({ kind: 'open', terms, openedAt: now, renewedAt: now }, { kind: 'tick', now });
}

/** When the lease runs out unless renewed, ms since 1970; null: never. */
export function deadlineOf({ terms, openedAt, renewedAt }: Lease): number | null {
  const idle = terms.idle === null ? Number.POSITIVE_INFINITY : renewedAt + terms.idle;
  const lifetime = terms.lifetime === null ? Number.POSITIVE_INFINITY : openedAt + terms.lifetime;
  const deadline = Math.min(idle, lifetime);
  return deadline === Number.POSITIVE_INFINITY ? null : deadline;
}

export function step(lease: Lease, input: LeaseInput): LeaseStep {
  if (lease.kind === 'expired') return { lease, effect: 'none', wakeAt: null };
  const { now } = input;
  const due = deadlineOf(lease);
  // Before the renewal is looked at: one that comes too late must not raise the dead.
  if (due !== null && now >= due) {
    return { lease: { ...lease, kind: 'expired' }, effect: 'expire', wakeAt: null };
  }
  // A clock that was set back must not shorten the lease.
  const renewed = input.kind === 'renew' ? { ...lease, renewedAt: Math.max(now, lease.renewedAt) } : lease;
  const deadline = deadlineOf(renewed);
  if (deadline === null) return { lease: { ...renewed, kind: 'open' }, effect: 'none', wakeAt: null };
  const noticeAt = deadline - lease.terms.notice;
  if (now < noticeAt) return { lease: { ...renewed, kind: 'open' }, effect: 'none', wakeAt: noticeAt };
  // An announcement holds until the deadline that it named has moved.
  const announced = lease.kind === 'expiring' && deadline === due;
  return {
    lease: { ...renewed, kind: 'expiring' },
    effect: announced ? 'none' : 'announce',
    wakeAt: deadline,
  };
}
