import type { Clock } from '../../../runtime/clock.ts';
import type { BrowserEvent } from '../browser-event.ts';

/**
 * How many events of each type a tab may tell: a burst, then so many a second. What is beyond is counted, and told as
 * one number once a second. Ask before the event is parsed.
 */
export interface EventGate extends Disposable {
  admit(type: BrowserEvent['type']): boolean;
}

export interface EventGateParts {
  readonly clock: Clock;
  readonly burst: number;
  readonly perSecond: number;
  readonly omitted: (type: BrowserEvent['type'], count: number) => void;
}

interface Bucket {
  tokens: number;
  filledAt: number;
  omitted: number;
}

const TELL_MS = 1_000;

export function createEventGate({ clock, burst, perSecond, omitted }: EventGateParts): EventGate {
  const buckets = new Map<BrowserEvent['type'], Bucket>();
  let timer: Disposable | undefined;

  function bucketOf(type: BrowserEvent['type']): Bucket {
    const known = buckets.get(type);
    if (known !== undefined) return known;
    const made = { tokens: burst, filledAt: clock.now(), omitted: 0 };
    buckets.set(type, made);
    return made;
  }

  function tell(): void {
    timer = undefined;
    for (const [type, bucket] of buckets) {
      if (bucket.omitted === 0) continue;
      omitted(type, bucket.omitted);
      bucket.omitted = 0;
    }
  }

  return {
    admit(type) {
      const bucket = bucketOf(type);
      const now = clock.now();
      const grown = bucket.tokens + (Math.max(0, now - bucket.filledAt) * perSecond) / 1_000;
      bucket.tokens = Math.min(burst, grown);
      bucket.filledAt = now;
      if (bucket.tokens >= 1) {
        bucket.tokens--;
        return true;
      }
      bucket.omitted++;
      timer ??= clock.after(TELL_MS, tell);
      return false;
    },
    [Symbol.dispose]() {
      timer?.[Symbol.dispose]();
      tell();
    },
  };
}
