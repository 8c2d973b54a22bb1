import { asRecord, textOf } from './client.ts';
import type { Io } from './io.ts';

/** Codes that stand beside the command's own: those of `timeout` and of container tools. */
export const RUN_EXIT = {
  expired: 124,
  /** No exit code is known. */
  unknown: 125,
  /** Left while the command ran. */
  left: 130,
  /** Whoever read the output went away. */
  readerGone: 141,
} as const;

/** What to exit with (D-11): no code is invented. */
export function codeOf(complete: Readonly<Record<string, unknown>>, io: Io): number {
  const ending = asRecord(complete['ending']);
  const code = typeof complete['exit_code'] === 'number' ? complete['exit_code'] : -1;
  switch (ending['kind']) {
    case 'expired':
      io.warn('the command took longer than it may, and was ended');
      return RUN_EXIT.expired;
    case 'stopped':
      if (ending['by'] === 'shutdown') io.warn('the server was shut down, and stopped the command');
      return code < 0 ? RUN_EXIT.unknown : code;
    case 'lost':
      io.warn('the command is lost: the server was killed while it ran, and nobody knows how it ended');
      return RUN_EXIT.unknown;
    case 'failed':
      io.warn(`the command failed: ${textOf(ending['reason']) ?? 'no reason is known'}`);
      return RUN_EXIT.unknown;
    default:
      return code < 0 ? RUN_EXIT.unknown : code;
  }
}
