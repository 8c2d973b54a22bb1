import type { Clock } from '../../runtime/clock.ts';

export interface IndexState {
  /** Resolves when the index holds what was committed before. */
  indexed(): Promise<void>;
  readonly clock: Clock;
}

/** How long a question waits for the index to know what was stored before it, ms. */
export const PATIENCE_MS = 1_000;

/** Whether the index knows what was stored before the call, as soon as it does or after so many ms. */
export async function isIndexed(state: IndexState, ms: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<boolean>();
  using _timer = state.clock.after(ms, () => resolve(false));
  return await Promise.race([state.indexed().then(() => true), late]);
}
