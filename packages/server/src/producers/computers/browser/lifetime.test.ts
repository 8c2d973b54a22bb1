import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BrowserRemains } from '../browser.ts';
import {
  CACHE,
  processesNaming,
  type TestBrowsers,
  testBrowsers,
  type TestSite,
  testSite,
} from './browsers.fixture.ts';

const FIXTURE = fileURLToPath(new URL('lifetime.fixture.ts', import.meta.url));

let site: TestSite;
let root: string;

beforeAll(async () => {
  site = await testSite({
    '/set':
      '<title>set</title><script>document.cookie="kept=yes;max-age=9999";localStorage.kept="yes"</script>',
    '/get':
      '<title>get</title><p id=p></p><script>p.textContent=document.cookie+" "+localStorage.kept</script>',
  });
  root = await mkdtemp(join(tmpdir(), 'playhead-lifetime-'));
});
afterAll(async () => {
  await site[Symbol.asyncDispose]();
  await rm(root, { recursive: true, force: true });
});

interface Doomed {
  readonly remains: BrowserRemains;
  /** Kills the server as nothing else does, and waits until it is gone. */
  kill(): Promise<void>;
}

async function doomed(folder: string): Promise<Doomed> {
  const program = process.env['PLAYHEAD_BROWSER'];
  const child = spawn(
    process.execPath,
    [FIXTURE, folder, CACHE, ...(program === undefined ? [] : [program])],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  const exited = once(child, 'exit');
  const [line] = (await once(createInterface(child.stdout), 'line')) as [string];
  return {
    remains: JSON.parse(line) as BrowserRemains,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

describe('a server that is killed with -9', () => {
  test('leaves no process of a browser, and the next start leaves no folder', async () => {
    const folder = join(root, 'killed');
    const { remains, kill } = await doomed(folder);
    expect(await processesNaming(folder)).not.toEqual([]);
    await kill();
    // The pipes are closed with it, by which the browsers end; nobody has to come for them.
    await expect.poll(() => processesNaming(folder), { timeout: 20_000 }).toEqual([]);
    expect(await readdir(folder)).not.toEqual([]);
    await using next = await testBrowsers({ folder });
    // Whoever has inherited them may not have asked yet how they ended: then there still is something to signal.
    expect(['gone', 'killed']).toContain(await next.browsers.reap(remains));
    await next.browsers.sweep();
    expect(await readdir(folder)).toEqual([]);
  });

  test('whose browser does not notice, because it is stopped: the next start ends it', async () => {
    const folder = join(root, 'stopped');
    const { remains, kill } = await doomed(folder);
    process.kill(remains.process.pid, 'SIGSTOP');
    await kill();
    expect(await processesNaming(remains.folder)).not.toEqual([]);
    await using next = await testBrowsers({ folder });
    expect(await next.browsers.reap(remains)).toBe('killed');
    await expect.poll(() => processesNaming(folder), { timeout: 20_000 }).toEqual([]);
    await next.browsers.sweep();
    expect(await readdir(folder)).toEqual([]);
  });

  test('SECURITY what its record says leads to no folder but a browser’s', async () => {
    const folder = join(root, 'record');
    await mkdir(join(folder, 'b-AAAAAA'), { recursive: true });
    await mkdir(join(root, 'precious'), { recursive: true });
    await using next = await testBrowsers({ folder });
    const process = { pid: 2 ** 22 + 1, started: 'another-boot:1' };
    for (const name of ['../precious', '..', '', '/etc', 'other'])
      expect(await next.browsers.reap({ process, folder: name })).toBe('gone');
    expect((await stat(join(root, 'precious'))).isDirectory()).toBe(true);
    await next.browsers.reap({ process, folder: 'b-AAAAAA' });
    expect(await readdir(folder)).toEqual([]);
  });
});

describe('a profile', () => {
  test('that is kept has what the last browser left in it; its own folder is gone', async () => {
    const profile = join(root, 'profile');
    await mkdir(profile);
    await using here = await testBrowsers();
    const first = await here.open({ profile });
    await first.browser.act({ type: 'navigate', url: `${site.url}/set` });
    await first.browser[Symbol.asyncDispose]();
    expect(await first.browser.ended).toEqual({ kind: 'closed' });
    expect(await here.workFolders()).toEqual([]);
    const second = await here.open({ profile });
    await second.browser.act({ type: 'navigate', url: `${site.url}/get` });
    expect(await second.browser.act({ type: 'html' })).toMatchObject({
      html: expect.stringContaining('kept=yes yes') as string,
    });
  });

  test('of one browser is not seen by another', async () => {
    await using here = await testBrowsers();
    for (const path of ['/set', '/get']) {
      const { browser } = await here.open();
      await browser.act({ type: 'navigate', url: `${site.url}${path}` });
      const outcome = await browser.act({ type: 'html' });
      if (path === '/get' && outcome.kind === 'html') expect(outcome.html).toContain(' undefined</p>');
      await browser[Symbol.asyncDispose]();
    }
  });
});

describe('the warm pool', () => {
  const warm = async (here: TestBrowsers, count: number): Promise<void> => {
    await expect.poll(async () => (await here.workFolders()).length, { timeout: 20_000 }).toBe(count);
  };

  test('D-32 is filled behind the first, gives its browser whatever the viewport, and is drained', async () => {
    const here = await testBrowsers({ warm: 1 });
    expect(await here.workFolders()).toEqual([]);
    const first = await here.open();
    await warm(here, 2);
    const names = await here.workFolders();
    const [ahead] = names.filter((name) => name !== first.browser.remains.folder);
    const viewport = { width: 640, height: 480, scale: 1 };
    // Its folder is there before it takes actions; until it does, whoever comes gets one of their own.
    let second = await here.open({ viewport });
    while (second.browser.remains.folder !== ahead) {
      await second.browser[Symbol.asyncDispose]();
      second = await here.open({ viewport });
    }
    expect(await second.browser.act({ type: 'screenshot', format: 'png' })).toMatchObject({
      width: 640,
      height: 480,
    });
    expect(second.told.map(({ type }) => type)).toEqual(['tab-opened', 'tab-activated']);
    await here.browsers[Symbol.asyncDispose]();
    expect(await here.workFolders()).toEqual([]);
    expect(await processesNaming(here.folder)).toEqual([]);
    await expect(here.open()).rejects.toMatchObject({ code: 'draining' });
    await here[Symbol.asyncDispose]();
  });

  test('gives none to whoever wants what a running browser cannot become', async () => {
    await using here = await testBrowsers({ warm: 1 });
    await here.open();
    await warm(here, 2);
    const { browser } = await here.open({ locale: 'de-CH', timezone: 'Asia/Tokyo', userAgent: 'Test/1.0' });
    const page =
      'data:text/html,<p id=p></p><script>p.textContent=[navigator.language,navigator.userAgent,Intl.DateTimeFormat().resolvedOptions().timeZone]</script>';
    await browser.act({ type: 'navigate', url: page });
    const outcome = await browser.act({ type: 'html' });
    expect(outcome).toMatchObject({ html: expect.stringContaining('de-CH,Test/1.0,Asia/Tokyo') as string });
    for (const bad of [{ locale: 'not a tag' }, { timezone: '../etc/passwd' }, { userAgent: 'a\nb' }])
      await expect(here.open(bad)).rejects.toMatchObject({ code: 'invalid-request' });
  });
});

describe('what cannot be started', () => {
  test('is an answer', async () => {
    await using here = await testBrowsers({ program: '/bin/false' });
    await expect(here.open()).rejects.toThrow('failed: The browser ended while it started.');
    await using none = await testBrowsers({ program: 'no-such-browser' });
    await expect(none.open()).rejects.toThrow('no-browser: ');
    await using slow = await testBrowsers({ program: '/bin/sh', startMs: 50 });
    await expect(slow.open()).rejects.toThrow(/^failed: /);
    for (const browsers of [here, none, slow]) expect(await browsers.workFolders()).toEqual([]);
  });

  test('because nobody wants it any more is given up', async () => {
    await using here = await testBrowsers();
    await expect(here.open({ signal: AbortSignal.abort() })).rejects.toThrow(/^failed: It was given up/);
    expect(await here.workFolders()).toEqual([]);
    expect(await processesNaming(here.folder)).toEqual([]);
  });
});
