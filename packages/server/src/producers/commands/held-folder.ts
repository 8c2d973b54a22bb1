import { constants } from 'node:fs';
import { lstat, open, readdir, rmdir, unlink } from 'node:fs/promises';
import { join } from 'node:path';

/**
 * A folder that is held open, so that what is done in it is done there, whatever a command puts in its place
 * meanwhile: a path that was checked can be another folder a moment later.
 */
export interface HeldFolder extends AsyncDisposable {
  /** Names the folder for as long as it is held. */
  readonly path: string;
}

const FLAGS = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/**
 * Opens a folder below `top`, segment by segment, through no symbolic link. Throws what the system says (ELOOP or
 * ENOTDIR for a link). `top` is trusted.
 */
export async function holdFolder(top: string, segments: readonly string[]): Promise<HeldFolder> {
  let held = await hold(top);
  for (const segment of segments) {
    await using parent = held;
    held = await hold(join(parent.path, segment));
  }
  return held;
}

/** Removes a folder with all that is in it, and nothing that a link leads to. */
export async function removeTree(parent: HeldFolder, name: string): Promise<void> {
  {
    await using folder = await hold(join(parent.path, name));
    for (const entry of await readdir(folder.path)) {
      const path = join(folder.path, entry);
      if ((await lstat(path)).isDirectory()) await removeTree(folder, entry);
      else await unlink(path);
    }
  }
  await rmdir(join(parent.path, name));
}

async function hold(path: string): Promise<HeldFolder> {
  const handle = await open(path, FLAGS);
  return {
    // Elsewhere a descriptor is no path. Nor is there a sandbox, whose commands would be the ones to gain by this.
    path: process.platform === 'linux' ? `/proc/self/fd/${handle.fd}` : path,
    [Symbol.asyncDispose]: () => handle.close(),
  };
}
