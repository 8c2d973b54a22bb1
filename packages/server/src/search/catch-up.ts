import type { StreamKey } from '../log/stream-key.ts';

/** Those who wait until what was committed before they asked is in the index, whatever is committed meanwhile. */
export interface CatchUp {
  readonly waiting: boolean;
  /** Waits for streams that have changed, and for those that are being looked at. */
  wait(changed: Iterable<StreamKey>, looking: Iterable<StreamKey>): Promise<void>;
  /** A stream was looked at; `more` if not to its end. */
  looked(key: StreamKey, more: boolean): void;
  /** Nothing will be looked at any more. */
  end(): void;
}

export function catchUp(): CatchUp {
  /** Of each stream, how often it has yet to be looked at: a look that has begun may miss a change. */
  const waiters = new Set<{ readonly looks: Map<StreamKey, number>; readonly resolve: () => void }>();
  return {
    get waiting() {
      return waiters.size > 0;
    },
    wait(changed, looking) {
      const looks = new Map<StreamKey, number>();
      for (const keys of [changed, looking])
        for (const key of keys) looks.set(key, (looks.get(key) ?? 0) + 1);
      if (looks.size === 0) return Promise.resolve();
      return new Promise((resolve) => waiters.add({ looks, resolve }));
    },
    looked(key, more) {
      for (const waiter of waiters) {
        const left = waiter.looks.get(key);
        if (left === undefined) continue;
        if (more) waiter.looks.set(key, 1);
        else if (left > 1) waiter.looks.set(key, left - 1);
        else waiter.looks.delete(key);
        if (waiter.looks.size > 0) continue;
        waiters.delete(waiter);
        waiter.resolve();
      }
    },
    end() {
      for (const { resolve } of waiters) resolve();
      waiters.clear();
    },
  };
}
