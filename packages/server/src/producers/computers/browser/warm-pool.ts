import type { Clock } from '../../../runtime/clock.ts';

/** What the pool needs of a browser. */
export interface Warmable extends AsyncDisposable {
  readonly ended: Promise<unknown>;
}

export interface WarmPoolParts<T extends Warmable> {
  readonly clock: Clock;
  readonly size: number;
  /** How long browsers are kept ready behind the last `want`, ms. */
  readonly idleMs: number;
  /** Starts one; undefined if that does not work. */
  start(kind: string): Promise<T | undefined>;
}

/**
 * Browsers that were started ahead, so that the next one is there at once (D-32). It is empty until one was wanted, and
 * again when none was for a while. `kind` tells apart what cannot be changed on a browser that runs; only those of the
 * last kind that was wanted are kept.
 */
export interface WarmPool<T extends Warmable> extends AsyncDisposable {
  take(kind: string): T | undefined;
  /** Browsers of this kind are wanted: fills up. */
  want(kind: string): void;
}

/** Behind so many that died unused, or did not start, none is started until one is wanted. */
const DEATHS_MAX = 3;

export function createWarmPool<T extends Warmable>(parts: WarmPoolParts<T>): WarmPool<T> {
  const { clock, size } = parts;
  let ready: T[] = [];
  let wanted: string | undefined;
  let starting: Promise<void> | undefined;
  let idle: Disposable | undefined;
  let deaths = 0;
  let over = false;
  const leaving = new Set<Promise<void>>();

  function drop(browser: T): void {
    const left = Promise.resolve(browser[Symbol.asyncDispose]());
    leaving.add(left);
    // A browser that does not go is one that the next start settles.
    left.catch(() => undefined).finally(() => leaving.delete(left));
  }

  function empty(): void {
    for (const browser of ready) drop(browser);
    ready = [];
  }

  function fill(): void {
    if (
      over ||
      wanted === undefined ||
      starting !== undefined ||
      ready.length >= size ||
      deaths >= DEATHS_MAX
    )
      return;
    // One at a time: they are started for later, and must not slow down who is there now.
    starting = startOne(wanted).finally(() => {
      starting = undefined;
      fill();
    });
  }

  async function startOne(kind: string): Promise<void> {
    const browser = await parts.start(kind).catch(() => undefined);
    if (browser === undefined) {
      deaths++;
      return;
    }
    if (over || kind !== wanted) {
      drop(browser);
      return;
    }
    ready.push(browser);
    void browser.ended.then(() => {
      if (!ready.includes(browser)) return;
      ready = ready.filter((other) => other !== browser);
      deaths++;
      fill();
    });
  }

  function forget(): void {
    idle?.[Symbol.dispose]();
    idle = undefined;
    wanted = undefined;
    empty();
  }

  return {
    take(kind) {
      if (kind !== wanted) return undefined;
      const browser = ready.shift();
      if (browser !== undefined) deaths = 0;
      return browser;
    },
    want(kind) {
      if (over || size === 0) return;
      if (kind !== wanted) empty();
      wanted = kind;
      deaths = 0;
      idle?.[Symbol.dispose]();
      idle = clock.after(parts.idleMs, forget);
      fill();
    },
    async [Symbol.asyncDispose]() {
      over = true;
      forget();
      await starting;
      await Promise.allSettled(leaving);
    },
  };
}
