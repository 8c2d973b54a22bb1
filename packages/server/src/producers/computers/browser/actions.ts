import type { Clock } from '../../../runtime/clock.ts';
import type { ActOptions } from '../browser.ts';
import type { Refusal, RefusalReason } from '../browser-action.ts';
import { CdpFailure } from './cdp.ts';

/** One action while it is done. */
export interface Turn {
  /** The answer has been given, so the rest is for nobody: to be asked between two steps. */
  readonly over: boolean;
  /** Aborted then, unless the work itself gave the answer. */
  readonly signal: AbortSignal;
  /** ms until its time is up. */
  left(): number;
}

/**
 * The actions on one tab: one behind the other, each answered once, in time. An answer that comes before the work is
 * done (time is up, the tab is gone, the page hangs) lets the next begin; what Chromium still does of the old one it
 * does before the new one, because commands to a page are handled in order.
 */
export interface Actions {
  run<T>(work: (turn: Turn) => Promise<T | Refusal>, options: RunOptions): Promise<T | Refusal>;
  /** Answers all, those that wait too. */
  cut(refusal: Refusal): void;
}

export interface RunOptions extends Omit<ActOptions, 'tab'> {
  /** Whether it needs an answer of the page: then it is watched for a hang. */
  readonly watched: boolean;
  /** Whether it may begin where the page has crashed, or hangs. */
  readonly revives?: boolean;
}

export interface ActionsParts {
  readonly clock: Clock;
  /** Why nothing can be done now, asked as each begins; undefined if it can. */
  blocked(options: RunOptions): Refusal | undefined;
  /** What a failure of the browser means here. */
  explain(failure: CdpFailure): Refusal;
  refuse(reason: RefusalReason, detail: string): Refusal;
  /** Called while something that is watched goes on. */
  watch(): Disposable;
}

const DEFAULT_MS = 30_000;
const WAITING_MAX = 256;

export function createActions(parts: ActionsParts): Actions {
  const { clock } = parts;
  const cuts = new Set<(refusal: Refusal) => void>();
  let tail: Promise<void> = Promise.resolve();

  async function perform<T>(
    work: (turn: Turn) => Promise<T | Refusal>,
    turn: Turn,
    options: RunOptions,
  ): Promise<T | Refusal> {
    const refusal = parts.blocked(options);
    if (refusal !== undefined) return refusal;
    using _watch = options.watched ? parts.watch() : undefined;
    try {
      return await work(turn);
    } catch (error) {
      if (error instanceof CdpFailure) return parts.explain(error);
      throw error;
    }
  }

  return {
    async run<T>(work: (turn: Turn) => Promise<T | Refusal>, options: RunOptions): Promise<T | Refusal> {
      if (cuts.size >= WAITING_MAX)
        return parts.refuse('too-many-actions', `${WAITING_MAX} actions wait for this tab.`);
      if (options.signal?.aborted === true) return parts.refuse('aborted', 'It was given up.');
      const timeoutMs = options.timeoutMs ?? DEFAULT_MS;
      const due = clock.now() + timeoutMs;
      const answer = Promise.withResolvers<T | Refusal>();
      const ending = new AbortController();
      let over = false;
      const turn: Turn = {
        get over() {
          return over;
        },
        signal: ending.signal,
        left: () => Math.max(0, due - clock.now()),
      };
      const cut = (refusal: Refusal): void => {
        answer.resolve(refusal);
        over = true;
        ending.abort();
      };
      const abort = (): void => cut(parts.refuse('aborted', 'It was given up.'));
      cuts.add(cut);
      options.signal?.addEventListener('abort', abort, { once: true });
      const timer = clock.after(timeoutMs, () =>
        cut(parts.refuse('timed-out', `It was not done within ${timeoutMs} ms.`)),
      );
      const before = tail;
      const { promise: settled, resolve: settle } = Promise.withResolvers<void>();
      tail = settled;
      before
        .then(() => (over ? undefined : perform(work, turn, options)))
        .then((result) => {
          if (result !== undefined) answer.resolve(result);
        }, answer.reject);
      try {
        return await answer.promise;
      } finally {
        over = true;
        cuts.delete(cut);
        timer[Symbol.dispose]();
        options.signal?.removeEventListener('abort', abort);
        // Given up while it still waited: whoever comes behind it waits for those before it all the same.
        void before.then(() => settle());
      }
    },
    cut(refusal) {
      for (const cut of [...cuts]) cut(refusal);
    },
  };
}
