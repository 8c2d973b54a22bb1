import { constants } from 'node:os';

export interface SignalParts {
  /** Where signals come from and the exit goes to: `process`. */
  readonly process: SignalSource;
  /** Stops the server; resolves with the exit code. */
  stop(signal: StopSignal): Promise<number>;
}

/** The part of `process` that is needed. */
export interface SignalSource {
  on(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
  off(signal: StopSignal, listener: (signal: StopSignal) => void): unknown;
  exit(code: number): void;
}

export type StopSignal = 'SIGTERM' | 'SIGINT';

/**
 * The first SIGTERM or SIGINT stops the server and then ends the process; the second ends it at once, with the
 * code that shells give a signalled process. Disposing listens no more.
 */
export function onStopSignal(parts: SignalParts): Disposable {
  const { process } = parts;
  let stopping = false;
  const listener = (signal: StopSignal): void => {
    if (stopping) {
      process.exit(128 + constants.signals[signal]);
      return;
    }
    stopping = true;
    parts.stop(signal).then(
      (code) => process.exit(code),
      () => process.exit(1),
    );
  };
  process.on('SIGTERM', listener);
  process.on('SIGINT', listener);
  return {
    [Symbol.dispose]() {
      process.off('SIGTERM', listener);
      process.off('SIGINT', listener);
    },
  };
}
