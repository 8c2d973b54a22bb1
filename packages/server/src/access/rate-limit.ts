import type { Clock } from '../runtime/clock.ts';
import type { Allowance } from './gate.ts';

/** Requests of each key, by a bucket that refills evenly: bursts up to a second's worth pass. */
export interface RateLimit {
  spend(keyId: string): Allowance;
}

class Bucket implements Allowance {
  readonly limit: number;
  allowed = true;
  remaining: number;
  reset = 0;
  retryAfter = 1;
  tokens: number;
  filledAt: number;

  constructor(limit: number, now: number) {
    this.limit = limit;
    this.remaining = limit;
    this.tokens = limit;
    this.filledAt = now;
  }
}

const UNLIMITED: Allowance = { allowed: true, limit: 0, remaining: 0, reset: 0, retryAfter: 1 };

/** Buckets kept at once; when there are more, the full ones, which hold no memory of anything, are dropped. */
const MAX_BUCKETS = 10_000;

/** Limits keys to `perSecond` requests each; 0 is no limit. The allowance is valid until the key's next request. */
export function limitRate(clock: Clock, perSecond: number): RateLimit {
  if (perSecond === 0) return { spend: () => UNLIMITED };
  const buckets = new Map<string, Bucket>();

  function refill(bucket: Bucket, now: number): void {
    // A clock that is set back must not take tokens away.
    const elapsed = Math.max(0, now - bucket.filledAt);
    bucket.tokens = Math.min(bucket.limit, bucket.tokens + (elapsed * perSecond) / 1000);
    bucket.filledAt = now;
  }

  function dropFull(now: number): void {
    for (const [id, bucket] of buckets) {
      refill(bucket, now);
      if (bucket.tokens === bucket.limit) buckets.delete(id);
    }
  }

  return {
    spend(keyId) {
      const now = clock.now();
      let bucket = buckets.get(keyId);
      if (bucket === undefined) {
        if (buckets.size >= MAX_BUCKETS) dropFull(now);
        bucket = new Bucket(perSecond, now);
        buckets.set(keyId, bucket);
      } else refill(bucket, now);
      bucket.allowed = bucket.tokens >= 1;
      if (bucket.allowed) bucket.tokens -= 1;
      bucket.remaining = Math.floor(bucket.tokens);
      bucket.reset = Math.ceil((now + ((bucket.limit - bucket.tokens) * 1000) / perSecond) / 1000);
      bucket.retryAfter = bucket.allowed ? 1 : Math.max(1, Math.ceil((1 - bucket.tokens) / perSecond));
      return bucket;
    },
  };
}
