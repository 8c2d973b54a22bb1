import { posix } from 'node:path';
import { PlayheadError } from '@playhead/protocol';
import { allows, type Principal } from '../../access/principal.ts';
import type { ExecutionEnd, Executor, OutputName } from '../executor.ts';
import type { ActionOptions, ShellRequest } from './action.ts';
import { type ActionOutcome, failed } from './action-result.ts';
import type { Computer } from './computer.ts';
import { createKept } from './output-text.ts';

export interface ShellParts {
  readonly executor: Executor;
  /** Of one command, bytes that the stream is told of. */
  readonly toldBytes: number;
}

export interface ShellSink {
  /** Bytes, cut anywhere. */
  output(from: OutputName, bytes: Buffer): void;
  /** Undefined while more may come. */
  room(): Promise<void> | undefined;
}

/** What the folder of a computer is called by its callers. */
const WORKSPACE = '/workspace';
/** One event holds at most so many bytes of output. */
const CHUNK = 16 * 1024;

/**
 * Runs a line of shell in a computer's folder, tells its stream what comes out, and resolves with how it ended. Throws
 * `forbidden` for who may not execute (D-19), and what the executor throws. The computer is in use meanwhile.
 */
export async function runShell(
  { executor, toldBytes }: ShellParts,
  computer: Computer,
  { requestId, shell }: { readonly requestId: string; readonly shell: ShellRequest },
  principal: Principal,
  sink: ShellSink,
  signal?: AbortSignal,
): Promise<ExecutionEnd> {
  requireExecute(principal);
  const { session, events, record, folder } = computer;
  let told = 0;
  let left = 0;

  function tell(from: OutputName, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; at += CHUNK) {
      const chunk = bytes.subarray(at, at + CHUNK);
      told += chunk.length;
      if (told > toldBytes) left += chunk.length;
      else {
        events.tell({
          type: 'command_output',
          request_id: requestId,
          data: chunk.toString('base64'),
          is_stderr: from === 'stderr',
        });
      }
    }
  }

  const { ended } = await executor.execute({
    tenant: record.tenant,
    root: folder,
    cwd: inside(shell.cwd),
    command: shell.command,
    env: shell.env,
    timeLimitMs: shell.timeoutMs,
    signal: signal === undefined ? session.signal : AbortSignal.any([session.signal, signal]),
    output(from, bytes) {
      tell(from, bytes);
      sink.output(from, bytes);
    },
    room: () => session.outlet.room() ?? sink.room(),
  });
  const how = await ended;
  if (left > 0) events.tell({ type: 'omitted', of: 'command_output', count: left });
  return how;
}

/** Throws `forbidden` unless somebody may run commands: what a computer's shell can do, any command can. */
export function requireExecute(principal: Principal): void {
  if (!allows(principal, 'projects:execute')) {
    throw new PlayheadError('forbidden', 'This needs the scope projects:execute.');
  }
}

/** −1 says that the command did not end by itself: its time was over, or it was stopped or killed. */
export function exitCode(how: ExecutionEnd): number {
  return how.kind === 'exited' ? how.code : -1;
}

/** `debug`: a command whose whole output is the answer. */
export async function debugOutcome(
  parts: ShellParts,
  computer: Computer,
  action: ActionOptions & { readonly shell: ShellRequest },
  principal: Principal,
): Promise<ActionOutcome> {
  const { maxOutput } = action.shell;
  const [all, stdout, stderr] = [createKept(maxOutput), createKept(maxOutput), createKept(maxOutput)];
  let how: ExecutionEnd;
  try {
    how = await runShell(parts, computer, action, principal, {
      output(from, bytes) {
        all.add(bytes);
        (from === 'stdout' ? stdout : stderr).add(bytes);
      },
      room: () => undefined,
    });
  } catch (error) {
    if (error instanceof PlayheadError) return failed(error.code, error.message);
    throw error;
  }
  if (how.kind === 'expired')
    return failed('timed-out', `The command was ended: its ${action.shell.timeoutMs / 1000} s are over.`);
  const about = { exit_code: exitCode(how), ...(all.cut ? { truncated: true } : {}) };
  return {
    kind: 'done',
    result: { debug_response: all.text(), stdout: stdout.text(), stderr: stderr.text(), ...about },
    told: about,
  };
}

/** A folder as callers name it, from the computer's own. Throws `invalid-request` for what lies elsewhere. */
function inside(cwd: string): string {
  const path = posix.relative(WORKSPACE, posix.resolve(WORKSPACE, cwd));
  if (path === '..' || path.startsWith('../')) {
    throw new PlayheadError('invalid-request', `cwd: must be ${WORKSPACE}, or a folder in it`, {
      extensions: { field: 'cwd' },
    });
  }
  return path === '' ? '.' : path;
}
