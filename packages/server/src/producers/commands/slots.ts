/** How many commands run, and are being started: counted from before the first wait, so that no burst slips by. */
export interface Slots {
  /** Takes one, until it is disposed; undefined if all are taken. */
  take(): Disposable | undefined;
  /** Resolves when none is taken. */
  idle(): Promise<void>;
}

export function createSlots(max: number): Slots {
  let taken = 0;
  let waiting: (() => void)[] = [];
  return {
    take() {
      if (taken >= max) return undefined;
      taken++;
      return {
        [Symbol.dispose]() {
          taken--;
          if (taken > 0) return;
          for (const resolve of waiting) resolve();
          waiting = [];
        },
      };
    },
    idle() {
      return taken === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve));
    },
  };
}
