import type { Clock } from './clock.ts';

/** A clock that moves only when told to, for tests. */
export interface ManualClock extends Clock {
  /** Moves time forward and makes the calls that fall due on the way, in their order. */
  advance(ms: number): void;
}

export function manualClock(start = 1_700_000_000_000): ManualClock {
  let now = start;
  const timers = new Set<{ at: number; readonly every: number | undefined; readonly call: () => void }>();
  const add = (at: number, every: number | undefined, call: () => void): Disposable => {
    const timer = { at, every, call };
    timers.add(timer);
    return { [Symbol.dispose]: () => void timers.delete(timer) };
  };
  return {
    now: () => now,
    after: (ms, call) => add(now + ms, undefined, call),
    every: (ms, call) => add(now + Math.max(ms, 1), Math.max(ms, 1), call),
    advance(ms) {
      const end = now + ms;
      for (;;) {
        const [due] = [...timers].filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at);
        if (due === undefined) break;
        now = Math.max(now, due.at);
        if (due.every === undefined) timers.delete(due);
        else due.at += due.every;
        due.call();
      }
      now = end;
    },
  };
}
