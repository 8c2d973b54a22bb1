import { readFileSync } from 'node:fs';
import type { ProcessIdentity } from '../launcher.ts';

/**
 * Names a process that runs now. Linux counts its start in ticks since boot, so the boot's id belongs to it: the
 * same id and tick after a reboot is another process. Elsewhere `started` is null and nothing is ever proven.
 */
export function identify(pid: number): ProcessIdentity {
  return { pid, started: startOf(pid) ?? null };
}

/** Whether what `identity` names still runs; `unproven` if something does and it may be another. */
export function stillRuns(identity: ProcessIdentity): boolean | 'unproven' {
  const started = startOf(identity.pid);
  if (started !== undefined) return identity.started === null ? 'unproven' : started === identity.started;
  return exists(identity.pid) ? 'unproven' : false;
}

/** Whether any process has this id now, whoever owns it. */
export function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

/** The code of an error of the operating system, or undefined. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

function startOf(pid: number): string | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    // No such process, or no /proc: both mean that there is nothing to compare.
    return undefined;
  }
  // The second field is the program's name in parentheses and may hold spaces and parentheses itself, so the
  // fields are counted from the last one. The 22nd is the start, the 20th of those behind the name.
  const ticks = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  const boot = bootId();
  return ticks === undefined || boot === undefined ? undefined : `${boot}:${ticks}`;
}

let knownBoot: string | undefined;

function bootId(): string | undefined {
  try {
    knownBoot ??= readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
  } catch {
    // As above.
    return undefined;
  }
  return knownBoot;
}
