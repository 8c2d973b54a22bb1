import type { Clock } from '../../../runtime/clock.ts';

/**
 * Whether a page, and the browser behind it, still answer. Asked only while somebody waits for the page, so that a
 * page that nobody uses costs nothing.
 *
 *   QUIET ──something waits for `hangMs`──▶ ASKED ──an answer──▶ QUIET (asked again while something waits)
 *                                             │
 *                                             └──none for `hangMs`──▶ HANGS ──the answer comes after all──▶ QUIET
 */
export interface HangWatch extends Disposable {
  readonly hangs: boolean;
  /** Something waits for the page until that is disposed. */
  begin(): Disposable;
  /** Another page is there, or none: what the one before was asked it will never answer. */
  renew(): void;
}

export interface HangWatchParts {
  readonly clock: Clock;
  readonly hangMs: number;
  /** Asks the page; resolves or rejects when it has answered, whatever that was. */
  askPage(): Promise<unknown>;
  askBrowser(): Promise<unknown>;
  pageHangs(): void;
  pageResponds(): void;
  browserHangs(): void;
}

export function createHangWatch(parts: HangWatchParts): HangWatch {
  const { clock, hangMs } = parts;
  let waiting = 0;
  let timer: Disposable | undefined;
  let asked = false;
  let hangs = false;
  let disposed = false;
  /** Of the page that is asked. */
  let generation = 0;

  function arm(): void {
    if (!disposed && !asked && waiting > 0) timer ??= clock.after(hangMs, ask);
  }

  function ask(): void {
    timer = undefined;
    if (disposed || waiting === 0) return;
    asked = true;
    const own = generation;
    let browserAnswered = false;
    const heard = (): void => {
      browserAnswered = true;
    };
    parts.askBrowser().then(heard, heard);
    const patience = clock.after(hangMs, () => {
      if (disposed || own !== generation) return;
      if (!browserAnswered) parts.browserHangs();
      hangs = true;
      parts.pageHangs();
    });
    const answered = (): void => {
      patience[Symbol.dispose]();
      if (!disposed && own === generation) answer();
    };
    parts.askPage().then(answered, answered);
  }

  function answer(): void {
    asked = false;
    if (hangs) {
      hangs = false;
      parts.pageResponds();
    }
    arm();
  }

  return {
    get hangs() {
      return hangs;
    },
    begin() {
      waiting++;
      arm();
      return {
        [Symbol.dispose]() {
          waiting--;
          if (waiting > 0) return;
          timer?.[Symbol.dispose]();
          timer = undefined;
        },
      };
    },
    renew() {
      generation++;
      timer?.[Symbol.dispose]();
      timer = undefined;
      if (!disposed) answer();
    },
    [Symbol.dispose]() {
      disposed = true;
      timer?.[Symbol.dispose]();
    },
  };
}
