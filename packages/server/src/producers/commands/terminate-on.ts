import type { RunningProcess } from '../../launcher/launcher.ts';
import type { Clock } from '../../runtime/clock.ts';

/** When asked to, ends a process politely, and after the grace in any case. Disposing ends no more. */
export function terminateOn(
  signal: AbortSignal,
  child: RunningProcess,
  clock: Clock,
  graceMs: number,
): Disposable {
  let killing: Disposable | undefined;
  const terminate = (): void => {
    child.signal('SIGTERM');
    // Shells at a prompt ignore a SIGTERM; that their terminal is gone they do not.
    if (child.terminal !== undefined) child.signal('SIGHUP');
    killing = clock.after(graceMs, () => child.signal('SIGKILL'));
  };
  if (signal.aborted) terminate();
  else signal.addEventListener('abort', terminate, { once: true });
  return {
    [Symbol.dispose]() {
      signal.removeEventListener('abort', terminate);
      killing?.[Symbol.dispose]();
    },
  };
}
