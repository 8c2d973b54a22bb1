import { constants } from 'node:os';
import type { ProcessExit } from '../../launcher/launcher.ts';
import type { LogEvent } from '../../log/event-log.ts';
import type { Ending } from '../../sessions/ending.ts';
import type { StopCause } from '../../sessions/session.ts';
import { type Complete, completeEvent, errorEvent } from './events.ts';

/** What is known of a command that ended. */
export interface Facts {
  readonly exit: ProcessExit;
  /** Why it was asked to end, if it was before it did. */
  readonly asked: StopCause | undefined;
  /** What went wrong with its output behind its end, if anything did. */
  readonly spoiled: StopCause | undefined;
  readonly durationMs: number;
}

/**
 * How a command ended (D-11). That somebody, or a limit, ended it is said before how its process answered to
 * that; a request that came after the process had ended changes nothing.
 */
export function completeOf({ exit, asked, spoiled, durationMs }: Facts): Complete {
  const ending =
    asked ?? (spoiled?.kind === 'failed' && spoiled.reason !== 'storage' ? spoiled : ofExit(exit));
  const duration_ms = Math.max(0, Math.round(durationMs));
  switch (ending.kind) {
    case 'exited':
    case 'signalled':
    case 'stopped':
      return {
        exit_code: exitCode(exit),
        duration_ms,
        ending,
        ...(exit.kind === 'signalled' ? { signal: exit.name } : {}),
      };
    case 'expired':
    case 'failed':
    case 'lost':
      return withoutExit(ending, duration_ms);
  }
}

/** A command of whose process no exit code is known: −1 says so. */
export function withoutExit(ending: Ending, durationMs: number): Complete {
  return { exit_code: -1, duration_ms: Math.max(0, Math.round(durationMs)), ending };
}

/** What a stream says last. `message` says in words what went wrong, where something did. */
export function lastEvents(complete: Complete, message: string | undefined): readonly LogEvent[] {
  return message === undefined ? [completeEvent(complete)] : [errorEvent(message), completeEvent(complete)];
}

function ofExit(exit: ProcessExit): Ending {
  return exit.kind === 'exited'
    ? { kind: 'exited', code: exit.code }
    : { kind: 'signalled', name: exit.name };
}

function exitCode(exit: ProcessExit): number {
  return exit.kind === 'exited' ? exit.code : 128 + constants.signals[exit.name];
}
