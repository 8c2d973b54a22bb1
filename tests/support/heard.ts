import { within } from './within.ts';

/** Those who wait for what a test listens to: a socket, a process, a service that is called. It keeps what came itself. */
export interface Heard {
  /** Something came: whoever waits looks again. */
  came(): void;
  /** Nothing comes any more. Whoever waits in vain, now or later, is told so at once: `how` begins the sentence. */
  over(how: string): void;
  /**
   * What `find` gives, now or as soon as something came that makes it give something. Rejects when the patience or what
   * is listened to ends before, with what was awaited and what came instead.
   */
  when<T>(find: () => T | undefined, what: string): Promise<T>;
}

/** `said` gives what came last, for the errors. */
export function createHeard(said: () => string): Heard {
  const waiting = new Set<() => void>();
  let end: string | undefined;
  const came = (): void => {
    for (const look of waiting) look();
  };
  return {
    came,
    over(how) {
      end ??= how;
      came();
    },
    when<T>(find: () => T | undefined, what: string) {
      const { promise, resolve, reject } = Promise.withResolvers<T>();
      const look = (): void => {
        const found = find();
        if (found === undefined && end === undefined) return;
        waiting.delete(look);
        if (found !== undefined) resolve(found);
        else reject(new Error(`${end} without ${what}; it said\n${said()}`));
      };
      waiting.add(look);
      look();
      return within(promise, () => `${what}; it said\n${said()}`);
    },
  };
}
