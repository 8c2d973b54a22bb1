import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import type { SandboxLimits } from './sandboxed.ts';

/**
 * Control groups: the one thing that bounds what all processes of a command use together. The server may make
 * them if it is root, or where an operator delegated a group to it.
 */
export interface Cgroups {
  /** For the log. */
  readonly kind: 'cgroup v2' | 'cgroup v1';
  /** Makes a group. Throws what the system says. */
  make(limits: SandboxLimits): Cgroup;
}

export interface Cgroup {
  /** The files into which a process writes `0` to enter. */
  readonly entrances: readonly string[];
  /** True once it is gone; false while a process is in it. */
  remove(): boolean;
}

const MOUNT = '/sys/fs/cgroup';
const NAME = 'playhead';

/**
 * Finds where groups can be made: in `delegated`, a folder of cgroup v2 that holds no process itself, or at the
 * top of this machine's. Undefined if nowhere. A delegated folder that cannot be used is an error.
 */
export function findCgroups(delegated?: string): Cgroups | undefined {
  if (delegated !== undefined) {
    const found = tryGroups(() => unified(delegated));
    if (found instanceof Error) throw found;
    return found;
  }
  for (const make of [() => unified(join(MOUNT, NAME)), separate]) {
    const found = tryGroups(make);
    if (!(found instanceof Error)) return found;
  }
  return undefined;
}

/** Proven by making a group, because only the kernel knows. */
function tryGroups(make: () => Cgroups): Cgroups | Error {
  try {
    const found = make();
    found.make({ memoryBytes: 2 ** 30, processes: 64, fileBytes: 0 }).remove();
    return found;
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function unified(base: string): Cgroups {
  if (!existsSync(join(MOUNT, 'cgroup.controllers'))) throw new Error('there is no cgroup v2 here');
  mkdirSync(base, { recursive: true });
  const wanted = join(base, 'cgroup.subtree_control');
  const has = readFileSync(wanted, 'utf8').split(/\s/);
  if (!has.includes('memory') || !has.includes('pids')) writeFileSync(wanted, '+memory +pids');
  sweep(base);
  return {
    kind: 'cgroup v2',
    make: (limits) =>
      group(
        [join(base, newName())],
        [
          ['memory.max', limits.memoryBytes],
          ['pids.max', limits.processes],
          // Absent where the kernel has no swap.
          ['memory.swap.max', 0, 'optional'],
        ],
      ),
  };
}

function separate(): Cgroups {
  const bases = ['memory', 'pids'].map((controller) => join(MOUNT, controller));
  for (const base of bases)
    if (!existsSync(join(base, 'cgroup.procs'))) throw new Error(`there is no ${base}`);
  for (const base of bases) sweep(base);
  return {
    kind: 'cgroup v1',
    make(limits) {
      const name = newName();
      return group(
        bases.map((base) => join(base, name)),
        [
          ['memory.limit_in_bytes', limits.memoryBytes],
          ['memory.memsw.limit_in_bytes', limits.memoryBytes, 'optional'],
          ['pids.max', limits.processes],
        ],
      );
    },
  };
}

type Limit = readonly [file: string, value: number, optional?: 'optional'];

function group(folders: readonly string[], limits: readonly Limit[]): Cgroup {
  const remove = (): boolean => folders.map(removeFolder).every(Boolean);
  try {
    for (const folder of folders) mkdirSync(folder);
    for (const [file, value, optional] of limits) {
      const place = folders.map((folder) => join(folder, file)).find((path) => existsSync(path));
      if (place !== undefined) writeFileSync(place, String(value));
      else if (optional === undefined) throw new Error(`the kernel has no ${file}`);
    }
  } catch (error) {
    remove();
    throw error;
  }
  return { entrances: folders.map((folder) => join(folder, 'cgroup.procs')), remove };
}

/** Named after the server, because several on a machine may share the place. */
function newName(): string {
  return `${NAME}-${process.pid}-${randomUUID()}`;
}

/** Removes what servers that are gone have left. A group with a process in it stays, by the kernel's own rule. */
function sweep(base: string): void {
  for (const name of readdirSync(base)) {
    const [, pid] = /^playhead-(\d+)-/.exec(name) ?? [];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeFolder(join(base, name));
  }
}

function removeFolder(folder: string): boolean {
  try {
    rmdirSync(folder);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    return code === 'ENOENT';
  }
  return true;
}
