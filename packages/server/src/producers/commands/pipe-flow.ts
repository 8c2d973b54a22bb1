import type { Readable } from 'node:stream';
import type { Clock } from '../../runtime/clock.ts';

/** Holds the pipes of a process back while what they bring has nowhere to go. */
export interface PipeFlow {
  /** Looks whether there is room, and if there is none stops reading until there is. */
  check(): void;
  /**
   * Resolves true when `ended` does, and false when for `ms` of reading the pipes did not come to an end: somebody
   * else holds them open. Time in which there is no room does not count.
   */
  endedWithin(ended: Promise<void>, ms: number): Promise<boolean>;
  /** Closes the pipes, whatever may still come. */
  cut(): void;
}

/** `room`: undefined while more may be read, else a promise of when to ask again. */
export function createPipeFlow(
  pipes: readonly Readable[],
  room: () => Promise<void> | undefined,
  clock: Clock,
): PipeFlow {
  let paused = false;

  async function resume(first: Promise<void>): Promise<void> {
    for (let full: Promise<void> | undefined = first; full !== undefined; full = room()) await full;
    paused = false;
    for (const pipe of pipes) pipe.resume();
  }

  return {
    check() {
      const full = room();
      if (full === undefined || paused) return;
      paused = true;
      for (const pipe of pipes) pipe.pause();
      void resume(full);
    },
    endedWithin(ended, ms) {
      return new Promise((resolve) => {
        let timer: Disposable;
        const wait = (): void => {
          timer = clock.after(ms, () => {
            if (paused) wait();
            else resolve(false);
          });
        };
        wait();
        void ended.then(() => {
          timer[Symbol.dispose]();
          resolve(true);
        });
      });
    },
    cut() {
      for (const pipe of pipes) pipe.destroy();
    },
  };
}
