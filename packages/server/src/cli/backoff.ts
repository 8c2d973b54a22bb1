/** Waits between attempts: each twice as long as the one before, up to a limit, and never all clients at once. */
export interface Backoff {
  /** Waits. Rejects if the signal is aborted meanwhile. */
  wait(signal: AbortSignal): Promise<void>;
  /** It worked: begin anew. */
  reset(): void;
}

const FIRST_MS = 250;
const LONGEST_MS = 10_000;

export function backoff(): Backoff {
  let next = FIRST_MS;
  return {
    async wait(signal) {
      // Half of it is certain, half of it is chance: a server that comes back is not met by everybody at once.
      const ms = next * (0.5 + Math.random() / 2);
      next = Math.min(LONGEST_MS, next * 2);
      await new Promise<void>((resolve, reject) => {
        const stop = (): void => {
          clearTimeout(timer);
          reject(signal.reason as Error);
        };
        const timer = setTimeout(() => {
          signal.removeEventListener('abort', stop);
          resolve();
        }, ms);
        if (signal.aborted) stop();
        else signal.addEventListener('abort', stop, { once: true });
      });
    },
    reset() {
      next = FIRST_MS;
    },
  };
}
