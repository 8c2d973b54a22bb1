import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { basename, join } from 'node:path';

/**
 * The folders that browsers write into while they run, one each, all below one folder: the profile, unless it is to be
 * kept, what is being downloaded, and temporary files. They are gone when their browser is.
 */
export interface WorkFolders {
  create(): Promise<WorkFolder>;
  /** Removes one that an earlier run of the server left. */
  remove(name: string): Promise<void>;
  /** Removes all that no `create` of this run has made. Not while one is being made. */
  sweep(): Promise<void>;
}

export interface WorkFolder {
  /** Within its folder; fit to be kept in a record. */
  readonly name: string;
  /** Absolute. */
  readonly path: string;
  readonly profile: string;
  readonly incoming: string;
  /** Again and again until nothing is left. Rejects if something cannot be removed. */
  remove(): Promise<void>;
}

const PREFIX = 'b-';
const NAME = /^b-[A-Za-z0-9]{6}$/;

/** `root`: absolute, made if it is not there. */
export function workFolders(root: string): WorkFolders {
  const own = new Set<string>();

  function remove(path: string): Promise<void> {
    // A process that has just been killed may still have been writing when its files were listed.
    return rm(path, { recursive: true, force: true, maxRetries: 8, retryDelay: 20 });
  }

  return {
    async create() {
      await mkdir(root, { recursive: true, mode: 0o700 });
      const path = await mkdtemp(join(root, PREFIX));
      const name = basename(path);
      own.add(name);
      const folder = {
        name,
        path,
        profile: join(path, 'profile'),
        incoming: join(path, 'incoming'),
        async remove() {
          await remove(path);
          own.delete(name);
        },
      };
      await Promise.all([mkdir(folder.profile), mkdir(folder.incoming)]);
      return folder;
    },
    async remove(name) {
      // It comes from a record: never more than a folder of ours.
      if (NAME.test(name) && !own.has(name)) await remove(join(root, name));
    },
    async sweep() {
      const names = await readdir(root).catch(() => []);
      for (const name of names) if (NAME.test(name) && !own.has(name)) await remove(join(root, name));
    },
  };
}
