import { mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type TestBrowsers, testBrowsers, type TestSite, testSite } from './browsers.fixture.ts';

let site: TestSite;
let here: TestBrowsers;

beforeAll(async () => {
  const attachment = (name: string): Record<string, string> => ({
    'content-type': 'application/octet-stream',
    'content-disposition': `attachment; filename="${name}"`,
  });
  site = await testSite({
    '/': '<title>one</title>',
    '/small': (_request, response) => void response.writeHead(200, attachment('small.txt')).end('small file'),
    '/evil': (_request, response) =>
      void response.writeHead(200, attachment('..%2F..%2Fetc%2Fpasswd')).end('not a password'),
    '/announced': (_request, response) =>
      void response
        .writeHead(200, { ...attachment('big.bin'), 'content-length': '5000000' })
        .write(Buffer.alloc(4096)),
    '/endless': (request, response) => {
      response.writeHead(200, attachment('endless.bin'));
      const timer = setInterval(() => response.write(Buffer.alloc(200_000)), 10);
      request.socket.once('close', () => clearInterval(timer));
    },
    '/stuck': (_request, response) =>
      void response.writeHead(200, attachment('stuck.bin')).write(Buffer.alloc(4096)),
  });
  here = await testBrowsers();
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

test('a file is put into the folder under its name, and the next of that name under another', async () => {
  const watched = await here.open();
  await using browser = watched.browser;
  for (const name of ['small.txt', 'small (1).txt']) {
    await browser.act({ type: 'navigate', url: `${site.url}/small` });
    expect(await watched.heard('download-started')).toMatchObject({
      tab: 'tab_1',
      url: `${site.url}/small`,
      filename: 'small.txt',
    });
    const path = join(here.downloads, name);
    expect(await watched.heard('download-finished')).toMatchObject({
      filename: 'small.txt',
      path,
      bytes: 10,
    });
    expect(await readFile(path, 'utf8')).toBe('small file');
  }
  expect(await browser.act({ type: 'navigate', url: `${site.url}/` })).toMatchObject({ kind: 'navigated' });
});

test('SECURITY its name leads nowhere else', async () => {
  const watched = await here.open();
  await using browser = watched.browser;
  await browser.act({ type: 'navigate', url: `${site.url}/evil` });
  const { path } = await watched.heard('download-finished');
  expect(path.startsWith(`${here.downloads}/`)).toBe(true);
  expect(path.slice(here.downloads.length + 1)).not.toContain('/');
});

test('SECURITY a folder that became a link takes nothing', async () => {
  const other = await mkdtemp(join(tmpdir(), 'playhead-other-'));
  const link = join(here.downloads, 'link');
  await symlink(other, link);
  const watched = await here.open({ downloads: { folder: link, maxBytes: 1e6, totalBytes: 1e6 } });
  await using browser = watched.browser;
  await browser.act({ type: 'navigate', url: `${site.url}/small` });
  expect(await watched.heard('download-refused')).toMatchObject({ filename: 'small.txt' });
  expect(await readdir(other)).toEqual([]);
  await rm(other, { recursive: true });
});

test('a file that is too large is refused, announced or not, and nothing of it is left', async () => {
  const watched = await here.open();
  await using browser = watched.browser;
  for (const path of ['/announced', '/endless']) {
    await browser.act({ type: 'navigate', url: `${site.url}${path}` });
    expect(await watched.heard('download-refused')).toMatchObject({
      url: `${site.url}${path}`,
      reason: 'too-large',
    });
  }
  const [folder] = await here.workFolders();
  await expect.poll(() => readdir(join(here.folder, folder ?? '', 'incoming'))).toEqual([]);
  expect((await readdir(here.downloads)).filter((name) => name.endsWith('.bin'))).toEqual([]);
});

test('all files together have a bound, too', async () => {
  const watched = await here.open({ downloads: { folder: here.downloads, maxBytes: 100, totalBytes: 15 } });
  await using browser = watched.browser;
  await browser.act({ type: 'navigate', url: `${site.url}/small` });
  await watched.heard('download-finished');
  await browser.act({ type: 'navigate', url: `${site.url}/small` });
  expect(await watched.heard('download-refused')).toMatchObject({ reason: 'no-room' });
});

test('where none is allowed, none is made', async () => {
  const watched = await here.open({ downloads: { folder: null, maxBytes: 1e6, totalBytes: 1e6 } });
  await using browser = watched.browser;
  await browser.act({ type: 'navigate', url: `${site.url}/small` });
  expect(await watched.heard('download-refused')).toMatchObject({ reason: 'not-allowed' });
  expect(await browser.act({ type: 'navigate', url: `${site.url}/` })).toMatchObject({ kind: 'navigated' });
});

test('what is under way when the browser ends is cancelled, and told before that is', async () => {
  const watched = await here.open();
  await watched.browser.act({ type: 'navigate', url: `${site.url}/stuck` });
  await watched.heard('download-started');
  await watched.browser[Symbol.asyncDispose]();
  expect(watched.told.at(-1)).toMatchObject({ type: 'download-refused', reason: 'cancelled' });
  expect(await here.workFolders()).toEqual([]);
});
