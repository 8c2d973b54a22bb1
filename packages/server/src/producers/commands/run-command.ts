import {
  type Launcher,
  LaunchFailure,
  type LaunchSpec,
  type RunningProcess,
} from '../../launcher/launcher.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { type Session, type StopCause, shortened } from '../../sessions/session.ts';
import { completeOf, lastEvents, withoutExit } from './command-ending.ts';
import type { Complete } from './events.ts';
import { type ProcessOutput, readOutput } from './process-output.ts';
import type { CommandSettings } from './settings.ts';
import { readTerminal } from './terminal-output.ts';
import type { CommandTerminals } from './terminals.ts';
import { terminateOn } from './terminate-on.ts';

export interface RunParts {
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: CommandSettings;
  readonly terminals: CommandTerminals;
}

export interface Run {
  readonly spec: LaunchSpec;
  /** The session of its terminal, whose stream ends as the command's does. */
  readonly screen: Session | undefined;
  /** ms, for the words of the error. */
  readonly timeLimitMs: number;
  /** Keeps how it ended. */
  record(complete: Complete): Promise<void>;
}

/**
 * Runs the process of a session to its end. Resolves when it was started, or was not and the stream says why;
 * the rest goes on by itself and always comes to `complete`:
 *
 *   launch ─▶ read both pipes ─▶ the process ended ─▶ the pipes ended ─▶ group killed ─▶ error?, complete, close
 *                │                                        │
 *                └ asked to end: SIGTERM, grace, SIGKILL   └ held open by others: group killed, then cut
 *
 * The end of a command is the end of its group: what it left in the background does not outlive it.
 */
export async function runCommand(parts: RunParts, session: Session, run: Run): Promise<void> {
  const { launcher, logger } = parts;
  let child: RunningProcess;
  try {
    child = await launcher.launch(run.spec);
  } catch (error) {
    const reason = error instanceof LaunchFailure ? error.reason : 'launch';
    const message = error instanceof LaunchFailure ? error.message : 'The command could not be started.';
    if (!(error instanceof LaunchFailure)) logger.error({ error }, 'launching a command failed');
    const complete = withoutExit({ kind: 'failed', reason }, 0);
    await end(session, run, complete, message);
    return;
  }
  void supervise(parts, session, run, child);
  try {
    // Whoever is told that it runs may rely on it: from here on a crash leaves no process behind.
    await session.leaves(child.identity);
  } catch (error) {
    logger.error({ stream: shortened(session.key), error }, 'a process could not be recorded');
  }
}

async function supervise(parts: RunParts, session: Session, run: Run, child: RunningProcess): Promise<void> {
  const { clock, settings, terminals } = parts;
  const { screen } = run;
  const overflow = (): void => session.stop({ kind: 'failed', reason: 'output-limit' });
  const limits = { clock, maxBytes: settings.outputBytes, overflow };
  const { outlet } = session;
  let output: ProcessOutput;
  let live: Disposable;
  if (screen === undefined || run.spec.terminal === undefined) {
    output = readOutput(child, { ...limits, outlet });
    live = terminals.add(session.key, child);
  } else {
    const shown = readTerminal(child, { ...limits, screen: screen.outlet, lines: outlet });
    output = shown;
    live = terminals.add(session.key, child, { size: run.spec.terminal, mark: (event) => shown.mark(event) });
    // Neither stream goes on without the other.
    screen.signal.addEventListener('abort', () => {
      if (screen.cause !== undefined) session.stop(screen.cause);
    });
  }
  const terminating = terminateOn(session.signal, child, clock, settings.graceMs);
  const exit = await child.exited;
  live[Symbol.dispose]();
  const asked = session.cause;
  // Since the session was opened, as its time limit counts.
  const durationMs = clock.now() - session.openedAt;
  if (!(await output.endedWithin(settings.lingerMs))) {
    child.signal('SIGKILL');
    // Who left the group cannot be killed with it, and may hold the pipes for ever.
    if (!(await output.endedWithin(settings.lingerMs))) output.cut();
    await output.ended;
  }
  terminating[Symbol.dispose]();
  child.signal('SIGKILL');
  const complete = completeOf({ exit, asked, spoiled: session.cause, durationMs });
  const message = messageOf(complete, run, settings);
  await end(session, run, complete, message);
}

/**
 * The ending of both streams. The command's first: should the server die in between, what it says is what the
 * terminal's then is settled with.
 */
async function end(
  session: Session,
  run: Run,
  complete: Complete,
  message: string | undefined,
): Promise<void> {
  const last = lastEvents(complete, message);
  await session.end(complete.ending, last, () => run.record(complete));
  await run.screen?.end(complete.ending, last, () => Promise.resolve());
}

function messageOf({ ending }: Complete, run: Run, settings: CommandSettings): string | undefined {
  if (ending.kind === 'expired') {
    return `The command was stopped: its time limit of ${run.timeLimitMs / 1000} s is over.`;
  }
  return ending.kind === 'failed' ? failureOf(ending, settings) : undefined;
}

function failureOf({ reason }: Extract<StopCause, { kind: 'failed' }>, settings: CommandSettings): string {
  switch (reason) {
    case 'output-limit':
      return `The command was stopped: its output is over the limit of ${settings.outputBytes} bytes.`;
    case 'storage':
      return `The command was stopped: for ${settings.storagePatienceMs / 1000} s its output could not be stored, and what was not is lost.`;
    default:
      return `The command was stopped: ${reason}.`;
  }
}
