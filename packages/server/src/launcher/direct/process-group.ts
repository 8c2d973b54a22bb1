import { readdirSync, readFileSync } from 'node:fs';
import { codeOf } from './process-identity.ts';

/** False if there is no such group, or nothing in it is ours to signal. */
export function signalGroup(pid: number, name: NodeJS.Signals): boolean {
  try {
    process.kill(-pid, name);
    return true;
  } catch (error) {
    const code = codeOf(error);
    // EPERM: macOS says so of a group of which only a zombie is left.
    if (code === 'ESRCH' || code === 'EPERM') return false;
    throw error;
  }
}

/**
 * Signals every group of a session: a shell in a terminal gives each job a group of its own. Where there is no
 * /proc to find them in, the leader's group alone. False if there was nothing to signal.
 */
export function signalSession(leader: number, name: NodeJS.Signals): boolean {
  const groups = new Set([leader]);
  for (const { session, group } of processes()) if (session === leader) groups.add(group);
  let signalled = false;
  for (const group of groups) if (signalGroup(group, name)) signalled = true;
  return signalled;
}

/** The group that runs in the foreground of a session's terminal; the leader's where that cannot be known. */
export function foregroundOf(leader: number): number {
  const foreground = statOf(leader)?.foreground;
  return foreground === undefined || foreground <= 0 ? leader : foreground;
}

interface Stat {
  readonly group: number;
  readonly session: number;
  /** -1: no terminal. */
  readonly foreground: number;
}

function* processes(): Iterable<Stat> {
  let names: string[];
  try {
    names = readdirSync('/proc');
  } catch {
    // No /proc on this system.
    return;
  }
  for (const name of names) {
    const stat = /^[0-9]+$/.test(name) ? statOf(Number(name)) : undefined;
    if (stat !== undefined) yield stat;
  }
}

function statOf(pid: number): Stat | undefined {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    // It ended meanwhile, or there is no /proc.
    return undefined;
  }
  // Counted from behind the program's name, which may hold anything: state, parent, group, session, device, foreground.
  const [, , group, session, , foreground] = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return { group: Number(group), session: Number(session), foreground: Number(foreground) };
}
