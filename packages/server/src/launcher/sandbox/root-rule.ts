import { isWithin } from './is-within.ts';

export interface RootRule {
  /** The server's folder, absolute, without symbolic links. */
  readonly data: string;
  /** The folder of projects without a root of their own; the only one inside `data` that holds roots. */
  readonly projects: string;
}

/** What is the system's, or the machine's: shared with other processes, or full of their sockets. */
const SYSTEM = [
  ...['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/etc', '/boot', '/proc', '/sys'],
  '/dev',
  '/run',
];
/** Folders that are nobody's own; what is in them may be. */
const SHARED = [
  '/',
  '/var',
  '/var/run',
  '/var/tmp',
  '/tmp',
  '/home',
  '/dev/shm',
  '/mnt',
  '/media',
  '/opt',
  '/srv',
];

/**
 * Why a folder must not be what sandboxed commands write to; undefined if it may. Asked of the real path at each
 * start, because a link may have taken the folder's place.
 *
 * A root that holds the data folder is refused, not mounted with a hole in it: commands could rename what is above
 * the hole, and the next one would find the data under another name.
 */
export function rootProblem(root: string, { data, projects }: RootRule): string | undefined {
  if (SHARED.includes(root) || SYSTEM.some((folder) => root !== '/dev/shm' && isSystem(folder, root))) {
    return 'The root of the project is a folder of the system, which no sandbox may write to.';
  }
  if (isWithin(root, projects)) return 'The root of the project holds those of other projects.';
  if (isWithin(root, data)) return "The root of the project holds the server's own data.";
  if (isWithin(data, root) && !isWithin(projects, root)) {
    return "The root of the project lies in the server's own data.";
  }
  return undefined;
}

// Memory that processes share lies in /dev/shm, and users have folders there.
function isSystem(folder: string, root: string): boolean {
  return isWithin(folder, root) && !root.startsWith('/dev/shm/');
}
