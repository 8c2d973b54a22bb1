/** Counts pictures that were spoilt. Disposing tells the rest. */
export interface CorruptCount extends Disposable {
  add(): void;
}

const TELL_MS = 1_000;

/** Told at most once a second, and not for each: a broken source has thousands. */
export function createCorruptCount(tell: (pictures: number) => void): CorruptCount {
  let count = 0;
  let timer: NodeJS.Timeout | undefined;
  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (count > 0) tell(count);
    count = 0;
  }
  return {
    add() {
      count++;
      timer ??= setTimeout(flush, TELL_MS);
    },
    [Symbol.dispose]: flush,
  };
}
