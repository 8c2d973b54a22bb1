/** How many messages are taken, and how many are borne. */
export interface RateRule {
  /** Messages per second; a burst of twice as many passes. */
  readonly perSecond: number;
  /** How long ten times as many are borne, ms. */
  readonly floodMs: number;
}

export type Verdict =
  | { readonly kind: 'taken' }
  /** Refused, and the connection goes on. `retryAfter`: seconds, at least 1. */
  | { readonly kind: 'limited'; readonly retryAfter: number }
  /** Ten times the rate, for too long. */
  | { readonly kind: 'flood' };

/** A flood is measured in so many parts of its time; each of them must have been one. */
const PARTS = 30;
const FLOOD_FACTOR = 10;
/** Of a flood so much is looked at in each part of its time, and the rest waits for the next: a fifth more than makes one. */
const LOOKED_AT = 1.2;
/** Nobody is left unread for longer, ms: its pongs wait, too. */
const MAX_HOLD_MS = 1_000;
/** So much later than asked for may a sender that waited be read again, ms. */
const LATE_MS = 1_000;

const TAKEN: Verdict = { kind: 'taken' };
const FLOOD: Verdict = { kind: 'flood' };

/**
 * The rate of one sender (D-43): a bucket that refills evenly decides about each message; the count of all of them,
 * refused ones included, about a flood. Knows no time but what it is told.
 */
export class MessageRate {
  readonly #rule: RateRule;
  readonly #partMs: number;
  readonly #floodCount: number;
  #tokens: number;
  #filledAt: number;
  #partSince: number;
  #count = 0;
  /** Parts without a pause in between in which it was a flood. */
  #flooded = 0;
  #held = false;

  constructor(rule: RateRule, now: number) {
    this.#rule = rule;
    this.#partMs = rule.floodMs / PARTS;
    this.#floodCount = (rule.perSecond * FLOOD_FACTOR * this.#partMs) / 1_000;
    this.#tokens = rule.perSecond * 2;
    this.#filledAt = now;
    this.#partSince = now;
  }

  /** Counts one message. */
  count(now: number): Verdict {
    if (this.#isFlood(now)) return FLOOD;
    const { perSecond } = this.#rule;
    // A clock that is set back takes no tokens away.
    const elapsed = Math.max(0, now - this.#filledAt);
    this.#filledAt = now;
    this.#tokens = Math.min(perSecond * 2, this.#tokens + (elapsed * perSecond) / 1_000);
    if (this.#tokens < 1) {
      return { kind: 'limited', retryAfter: Math.max(1, Math.ceil((1 - this.#tokens) / perSecond)) };
    }
    this.#tokens -= 1;
    return TAKEN;
  }

  /** How long nothing more of this sender should be read, ms: 0 unless it is a flood. */
  hold(now: number): number {
    if (this.#count <= this.#floodCount * LOOKED_AT) return 0;
    this.#held = true;
    return Math.min(MAX_HOLD_MS, Math.max(1, Math.ceil(this.#partSince + this.#partMs - now)));
  }

  #isFlood(now: number): boolean {
    const elapsed = now - this.#partSince;
    const parts = Math.floor(elapsed / this.#partMs);
    if (parts !== 0) {
      // A part without a message was none, unless it was not read; nor is anything known of a time that went back.
      const follows = parts === 1 || (this.#held && parts > 0 && elapsed <= this.#partMs + LATE_MS);
      this.#flooded = follows && this.#count >= this.#floodCount ? this.#flooded + 1 : 0;
      this.#held = false;
      this.#partSince = parts > 0 ? this.#partSince + parts * this.#partMs : now;
      this.#count = 0;
    }
    this.#count++;
    return this.#flooded >= PARTS;
  }
}
