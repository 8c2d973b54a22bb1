/** Calls with 1, 2, … as SIGINT or SIGTERM (or other signals) come; until disposed they do not end the process. */
export function onInterrupt(
  call: (times: number) => void,
  signals: readonly NodeJS.Signals[] = ['SIGINT', 'SIGTERM'],
): Disposable {
  let times = 0;
  const listener = (): void => call(++times);
  for (const signal of signals) process.on(signal, listener);
  return {
    [Symbol.dispose]() {
      for (const signal of signals) process.off(signal, listener);
    },
  };
}
