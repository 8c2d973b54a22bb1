import type { EventOutlet } from './camera-event.ts';

/** One viewer on a WebSocket, and how it fares. */
export interface Viewer {
  /** A frame goes out to it now, that was made so many ms ago. */
  sent(ageMs: number): void;
  /** Its account, with the frames that it did not get. */
  account(dropped: number): ViewerAccount;
}

export interface ViewerAccount {
  readonly frames: number;
  readonly dropped: number;
  /** ms from when a frame was made to when it was sent. */
  readonly age_ms: { readonly mean: number; readonly max: number; readonly p99: number };
}

/** Upper bounds of the classes that ages are counted in, ms. */
const BOUNDS = [
  1,
  2,
  5,
  10,
  20,
  40,
  80,
  160,
  320,
  640,
  1_280,
  2_560,
  5_120,
  Number.POSITIVE_INFINITY,
] as const;

/** Counts in classes, so that a viewer of days costs no more than one of seconds. */
export function createViewer(): Viewer {
  const classes = new Uint32Array(BOUNDS.length);
  let frames = 0;
  let sum = 0;
  let max = 0;
  return {
    sent(ageMs) {
      const age = Math.max(0, ageMs);
      frames++;
      sum += age;
      max = Math.max(max, age);
      const at = BOUNDS.findIndex((bound) => age <= bound);
      classes[at] = (classes[at] ?? 0) + 1;
    },
    account(dropped) {
      const mean = frames === 0 ? 0 : Math.round((sum / frames) * 10) / 10;
      return { frames, dropped, age_ms: { mean, max, p99: Math.min(quantile(classes, frames, 0.99), max) } };
    },
  };
}

/** The bound of the class that a share of all is within. */
function quantile(classes: Uint32Array, total: number, share: number): number {
  let left = Math.ceil(total * share);
  for (const [i, count] of classes.entries()) {
    left -= count;
    if (left <= 0) return BOUNDS[i] ?? 0;
  }
  return 0;
}

/** What of a viewer can be seen. */
export interface ViewerView extends ViewerAccount {
  readonly viewer: string;
  /** ms since 1970. */
  readonly since: number;
}

/** Who watches a camera, by names that the server gives. */
export interface Viewers {
  /** Disposing tells how it went. `dropped`: frames that it did not get so far. */
  add(name: string, dropped: () => number): { sent(): void } & Disposable;
  readonly views: readonly ViewerView[];
  /** Tells, once in a while, what those who are there did not get. */
  check(): void;
}

/** How often it is told what viewers did not get, ms. */
const DROPPED_EVERY_MS = 10_000;

export function createViewers(parts: {
  readonly outlet: EventOutlet;
  readonly now: () => number;
  /** Of the newest frame, ms since 1970. */
  readonly newest: () => number;
}): Viewers {
  const { outlet, now, newest } = parts;
  const seats = new Map<
    string,
    { readonly viewer: Viewer; readonly since: number; dropped(): number; told: number }
  >();
  let checkedAt = now();
  return {
    add(name, dropped) {
      const viewer = createViewer();
      const since = now();
      seats.set(name, { viewer, since, dropped, told: 0 });
      return {
        sent: () => viewer.sent(now() - newest()),
        [Symbol.dispose]() {
          if (!seats.delete(name)) return;
          const seconds = Math.round((now() - since) / 1000);
          outlet.tell({ type: 'viewer-left', viewer: name, seconds, ...viewer.account(dropped()) });
        },
      };
    },
    get views() {
      return [...seats].map(([viewer, seat]) => ({
        viewer,
        since: seat.since,
        ...seat.viewer.account(seat.dropped()),
      }));
    },
    check() {
      if (now() - checkedAt < DROPPED_EVERY_MS) return;
      checkedAt = now();
      let frames = 0;
      for (const seat of seats.values()) {
        const dropped = seat.dropped();
        frames += dropped - seat.told;
        seat.told = dropped;
      }
      if (frames > 0) outlet.tell({ type: 'dropped', frames, viewers: seats.size });
    },
  };
}
