import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, relative, resolve, sep } from 'node:path';
import { PlayheadError } from '@playhead/protocol';

export interface WorkingFolder {
  /** Absolute, without symbolic links. */
  readonly path: string;
  /** From the project's root; '' is the root. */
  readonly relative: string;
}

/**
 * The folder that a command shall run in. Throws `invalid-request` if it lies outside of the project, and `conflict`
 * if it, or the root, is gone. Where it lies is looked at twice: as it is written, so that nothing is told of what
 * exists outside, and with symbolic links followed, so that none leads out.
 */
export async function workingFolder(root: string, cwd: string): Promise<WorkingFolder> {
  const top = await realFolder(root);
  if (top === undefined) throw gone('The root of the project');
  const written = resolve(top, cwd);
  if (!isInside(top, written)) throw outside();
  const path = await realFolder(written);
  if (path === undefined) throw gone('cwd');
  if (!isInside(top, path)) throw outside();
  return { path, relative: relative(top, path) };
}

/** Whether a path is a folder or inside it, as they are written. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}

async function realFolder(path: string): Promise<string | undefined> {
  try {
    const real = await realpath(path);
    return (await stat(real)).isDirectory() ? real : undefined;
  } catch {
    // Gone, or closed to us: either way nothing can run there.
    return undefined;
  }
}

function gone(what: string): PlayheadError {
  return new PlayheadError('conflict', `${what} is gone, or is no directory that can be entered.`);
}

function outside(): PlayheadError {
  return new PlayheadError('invalid-request', 'cwd: must be inside the project', {
    extensions: { field: 'cwd' },
  });
}
