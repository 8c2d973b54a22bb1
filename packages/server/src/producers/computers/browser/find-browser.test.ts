import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findBrowser, installedBrowser } from './find-browser.ts';

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'playhead-find-'));
  await mkdir(join(folder, 'bin'));
  for (const name of ['chromium', 'google-chrome', 'my-browser'])
    await writeFile(join(folder, 'bin', name), '', { mode: 0o755 });
  await writeFile(join(folder, 'bin', 'chrome'), '');
  await chmod(join(folder, 'bin', 'chrome'), 0o644);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('an installed browser', () => {
  test('is the one that is set, by its path or by its name', async () => {
    const path = join(folder, 'bin');
    const program = join(path, 'my-browser');
    const found = { kind: 'found', program, source: 'setting', env: {} };
    expect(await installedBrowser({ wanted: program, path: '' })).toEqual(found);
    expect(await installedBrowser({ wanted: 'my-browser', path })).toEqual(found);
  });

  test('else Chrome on the path, else Chromium; never what may not be run', async () => {
    expect(await installedBrowser({ wanted: undefined, path: join(folder, 'bin') })).toMatchObject({
      program: join(folder, 'bin', 'google-chrome'),
      source: 'path',
    });
    expect(await installedBrowser({ wanted: join(folder, 'bin', 'chrome'), path: '' })).toBeUndefined();
  });

  test('that is set and not there is not replaced by another', async () => {
    expect(
      await findBrowser({ wanted: 'no-such-browser', path: join(folder, 'bin'), cache: folder }),
    ).toMatchObject({
      kind: 'none',
    });
  });
});

describe('the packed browser', () => {
  test('is unpacked once, by two at a time too', async () => {
    const cache = join(folder, 'cache');
    const find = (): ReturnType<typeof findBrowser> => findBrowser({ wanted: 'packed', path: '', cache });
    const [one, two] = await Promise.all([find(), find()]);
    expect(one).toMatchObject({ kind: 'found', source: 'packed' });
    expect(two).toEqual(one);
    expect(await find()).toEqual(one);
  }, 120_000);

  test('that cannot be unpacked is none', async () => {
    const cache = join(folder, 'bin', 'chromium');
    expect(await findBrowser({ wanted: 'packed', path: '', cache })).toMatchObject({ kind: 'none' });
  });
});
