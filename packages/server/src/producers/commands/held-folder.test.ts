import { lstat, mkdir, mkdtemp, readFile, realpath, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { holdFolder, removeTree } from './held-folder.ts';

let top: string;
beforeEach(async () => {
  top = await realpath(await mkdtemp(join(tmpdir(), 'playhead-held-')));
  await mkdir(join(top, 'a', 'b'), { recursive: true });
  await mkdir(join(top, 'outside'));
  await writeFile(join(top, 'outside', 'precious'), 'x');
});
afterEach(() => rm(top, { recursive: true, force: true }));

test('D-19 no folder is opened through a link', async () => {
  await symlink(join(top, 'outside'), join(top, 'a', 'link'));
  await expect(holdFolder(top, ['a', 'link'])).rejects.toThrow(/ELOOP|ENOTDIR/);
  await expect(holdFolder(top, ['a', 'link', 'x'])).rejects.toThrow(/ELOOP|ENOTDIR/);
});

test.runIf(process.platform === 'linux')('D-19 a folder that is held stays the one it was', async () => {
  await using held = await holdFolder(top, ['a', 'b']);
  await rename(join(top, 'a', 'b'), join(top, 'a', 'moved'));
  await symlink(join(top, 'outside'), join(top, 'a', 'b'));
  await writeFile(join(held.path, 'note'), 'here');
  expect(await readFile(join(top, 'a', 'moved', 'note'), 'utf8')).toBe('here');
  await expect(lstat(join(top, 'outside', 'note'))).rejects.toThrow('ENOENT');
});

test('D-19 removing a tree leaves what its links lead to', async () => {
  await symlink(join(top, 'outside'), join(top, 'a', 'b', 'link'));
  await writeFile(join(top, 'a', 'b', 'file'), 'x');
  {
    await using held = await holdFolder(top, []);
    await removeTree(held, 'a');
  }
  await expect(lstat(join(top, 'a'))).rejects.toThrow('ENOENT');
  expect(await readFile(join(top, 'outside', 'precious'), 'utf8')).toBe('x');
});
