import { readdirSync, readFileSync } from 'node:fs';

/** Resident memory of one process, MiB; 0 once it is gone. */
export function residentMegabytes(pid: number): number {
  const match = /^VmRSS:\s+([0-9]+) kB/m.exec(readProcess(pid, 'status'));
  return Number(match?.[1] ?? 0) / 1024;
}

/** The processes that this one started and that still run. */
export function childrenOf(pid: number): readonly number[] {
  let threads: readonly string[];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    // It ended meanwhile.
    return [];
  }
  return threads.flatMap((thread) =>
    readProcess(pid, `task/${thread}/children`).split(' ').filter(Boolean).map(Number),
  );
}

/** A process and everything below it, the youngest generation first. */
export function familyOf(pid: number): readonly number[] {
  return [...childrenOf(pid).flatMap(familyOf), pid];
}

/** Ticks of CPU time that a process, and everything that it started, has used so far. */
export function familyTicks(pid: number): number {
  // Behind the program's name, which may hold blanks, the 12th to 15th fields are the times of the process and
  // of those of its children that it has waited for.
  const fields = readProcess(pid, 'stat')
    .replace(/^.*\) /s, '')
    .split(' ');
  const own = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0);
  return childrenOf(pid).reduce((sum, child) => sum + familyTicks(child), own);
}

function readProcess(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    // A process may end between being listed and being read: it then has nothing to tell.
    return '';
  }
}
