import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { lstat, mkdir, open, readdir, realpath, rename, rm, unlink } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { PlayheadError } from '@playhead/protocol';
import { type HeldFolder, holdFolder, removeTree } from './held-folder.ts';
import { isInside } from './working-folder.ts';

export const CONFIG_KINDS = ['commands', 'skills', 'agents'] as const;
export type ConfigKind = (typeof CONFIG_KINDS)[number];

export interface ConfigFile {
  readonly name: string;
  readonly content: string;
  readonly bytes: number;
  /** ms since 1970. */
  readonly updatedAt: number;
}

export const CONFIG_NAME: RegExp = /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/;
export const CONFIG_MAX_BYTES: number = 256 * 1024;
const MAX_LISTED = 1000;

/**
 * The agent's configuration under a project's root (D-26): `.claude/commands/<name>.md`, `.claude/agents/<name>.md`,
 * `.claude/skills/<name>/SKILL.md`.
 *
 * What a command put there is not trusted: no folder on the way may lead out of the project, and no file is read
 * or written through a symbolic link.
 */
export async function readConfig(
  root: string,
  kind: ConfigKind,
  name: string,
): Promise<ConfigFile | undefined> {
  await using folder = await folderOf(root, kind, name, false);
  return folder === undefined ? undefined : await read(join(folder.path, fileOf(kind, name)), name);
}

/** Those that exist, by name, without what they hold. */
export async function listConfig(
  root: string,
  kind: ConfigKind,
): Promise<readonly Omit<ConfigFile, 'content'>[]> {
  await using folder = await insideFolder(root, join('.claude', kind), false);
  if (folder === undefined) return [];
  const found: Omit<ConfigFile, 'content'>[] = [];
  for (const entry of (await readdir(folder.path)).sort()) {
    const name = kind === 'skills' ? entry : entry.replace(/\.md$/, '');
    if (!CONFIG_NAME.test(name) || (kind !== 'skills' && name === entry)) continue;
    const path = kind === 'skills' ? join(folder.path, name, 'SKILL.md') : join(folder.path, entry);
    const state = await lstat(path).catch(() => undefined);
    if (state?.isFile() === true) found.push({ name, bytes: state.size, updatedAt: state.mtimeMs });
    if (found.length === MAX_LISTED) break;
  }
  return found;
}

/** Writes one whole, or not at all: it is renamed into place. */
export async function writeConfig(
  root: string,
  kind: ConfigKind,
  name: string,
  content: string,
): Promise<void> {
  await using folder = await folderOf(root, kind, name, true);
  if (folder === undefined) throw outside();
  const temporary = join(folder.path, `.${randomBytes(9).toString('base64url')}.tmp`);
  try {
    const file = await open(temporary, 'wx', 0o644);
    try {
      await file.writeFile(content);
    } finally {
      await file.close();
    }
    // Renaming replaces a link, it does not follow it.
    await rename(temporary, join(folder.path, fileOf(kind, name)));
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** False if there is none. A skill goes with all that is in its folder. */
export async function deleteConfig(root: string, kind: ConfigKind, name: string): Promise<boolean> {
  await using folder = await folderOf(root, kind, name, false);
  if (folder === undefined) return false;
  const path = join(folder.path, fileOf(kind, name));
  if ((await lstat(path).catch(() => undefined))?.isFile() !== true) return false;
  if (kind !== 'skills') {
    await unlink(path);
    return true;
  }
  await using skills = await insideFolder(root, join('.claude', kind), false);
  if (skills === undefined) return false;
  await removeTree(skills, name).catch(refuseLinks);
  return true;
}

async function read(path: string, name: string): Promise<ConfigFile | undefined> {
  const state = await lstat(path).catch(() => undefined);
  if (state?.isFile() !== true) return undefined;
  if (state.size > CONFIG_MAX_BYTES) {
    throw new PlayheadError('too-large', `The file is over the limit of ${CONFIG_MAX_BYTES} bytes.`);
  }
  // Neither followed if it has become a link since, nor waited for if a pipe.
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  const content = await file.readFile('utf8');
  return { name, content, bytes: state.size, updatedAt: state.mtimeMs };
}

function folderOf(
  root: string,
  kind: ConfigKind,
  name: string,
  make: boolean,
): Promise<HeldFolder | undefined> {
  return insideFolder(root, kind === 'skills' ? join('.claude', kind, name) : join('.claude', kind), make);
}

function fileOf(kind: ConfigKind, name: string): string {
  return kind === 'skills' ? 'SKILL.md' : `${name}.md`;
}

/**
 * A folder in the project; undefined if there is none. It is opened through no link, and held while it is used:
 * a command that runs meanwhile may put a link where a folder was when it was looked at.
 */
async function insideFolder(root: string, path: string, make: boolean): Promise<HeldFolder | undefined> {
  const top = await realpath(root).catch(() => undefined);
  if (top === undefined) throw new PlayheadError('conflict', 'The root of the project is gone.');
  let folder = top;
  // Step by step: making all at once would follow a link that lies on the way.
  for (const segment of path.split('/')) {
    const next = join(folder, segment);
    if (make) await mkdir(next).catch(ignoreExisting);
    const real = await realpath(next).catch(() => undefined);
    if (real === undefined) return undefined;
    if (!isInside(top, real)) throw outside();
    folder = real;
  }
  return holdFolder(top, relative(top, folder).split(sep)).catch(refuseLinks);
}

function refuseLinks(error: unknown): never {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ELOOP' || code === 'ENOTDIR') throw outside();
  throw error;
}

function ignoreExisting(error: unknown): void {
  if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return;
  throw error;
}

function outside(): PlayheadError {
  return new PlayheadError('conflict', 'The folder .claude leads out of the project.');
}
