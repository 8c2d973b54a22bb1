import { backoff } from './backoff.ts';
import { Refusal } from './client.ts';
import { EXIT } from './exit-code.ts';
import { Failure } from './failure.ts';

export interface RetryOptions {
  /** How long to go on trying, ms. */
  readonly patienceMs: number;
  readonly signal: AbortSignal;
  /** Told once when an attempt has failed, and when one works again. */
  changed?(working: boolean): void;
}

/**
 * What an attempt gives, made again for as long as repeating it may help: nobody answers, or the server is at its
 * limit, goes away or fails. The last failure is thrown once the patience is over, any other one at once. Only for what
 * is the same when it is done twice.
 */
export async function retried<T>(attempt: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { patienceMs, signal } = options;
  const pause = backoff();
  let since: number | undefined;
  for (;;) {
    try {
      const value = await attempt();
      if (since !== undefined) options.changed?.(true);
      return value;
    } catch (error) {
      if (signal.aborted || !mayPass(error)) throw error;
      if (since === undefined) options.changed?.(false);
      since ??= performance.now();
      if (performance.now() - since > patienceMs) throw error;
      await pause.wait(signal);
    }
  }
}

function mayPass(error: unknown): boolean {
  if (error instanceof Refusal) return error.status === 429 || (error.status >= 500 && error.status !== 501);
  return error instanceof Failure && error.exit === EXIT.unreachable;
}
