import { readFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Browser } from '../browser.ts';
import type { BrowserAction, BrowserOutcome } from '../browser-action.ts';
import {
  processesNaming,
  type TestBrowsers,
  testBrowsers,
  type TestSite,
  testSite,
  type Watched,
} from './browsers.fixture.ts';

const button = (script: string): string =>
  `<button style="position:absolute;left:0;top:0;width:100px;height:100px" onclick="${script}">x</button>`;

let site: TestSite;
let here: TestBrowsers;
/** Where a page has little time. */
let hasty: TestBrowsers;
let watched: Watched;
let browser: Browser;

beforeAll(async () => {
  site = await testSite({
    '/': '<title>one</title>',
    '/two': '<title>two</title>',
    '/loop': `<title>loop</title>${button('for(;;);')}`,
    '/busy': `<title>busy</title>${button('for(const t=Date.now();Date.now()<t+2500;);')}`,
    '/dialogs': `<title>dialogs</title>${button("alert('a');document.title=confirm('b')+' '+prompt('c','d')")}`,
    '/dialog-now': '<script>alert("first")</script><title>after</title>',
    '/dialog-loop': '<title>flood</title><script>setInterval(()=>alert(1))</script>',
    '/print': '<title>print</title><script>print()</script>',
    '/chooser': `<title>chooser</title><input type=file style="position:absolute;left:0;top:0;width:100px;height:100px">`,
    '/arrays': `<title>arrays</title>${button('window.a=[];setInterval(()=>a.push(new Array(1e6).fill(Math.random())),1)')}`,
    '/buffers': `<title>buffers</title>${button('window.a=[];setInterval(()=>a.push(new Uint8Array(2e7).fill(1)),1)')}`,
  });
  here = await testBrowsers({ pageBytes: 300 * 2 ** 20 });
  hasty = await testBrowsers({ hangMs: 300 });
});
afterAll(async () => {
  await hasty[Symbol.asyncDispose]();
  await here[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});
async function start(browsers: TestBrowsers): Promise<void> {
  watched = await browsers.open();
  ({ browser } = watched);
}

afterEach(() => browser[Symbol.asyncDispose]());

function go(path: string, timeoutMs = 30_000): Promise<BrowserOutcome> {
  return browser.act({ type: 'navigate', url: `${site.url}${path}` }, { timeoutMs });
}

const PRESS: BrowserAction = { type: 'click', x: 10, y: 10, button: 'left', count: 1 };

/** Pids of this browser's page processes. */
async function renderers(): Promise<readonly number[]> {
  const all = await processesNaming('--type=renderer');
  const own: number[] = [];
  for (const pid of all) {
    const group = (await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => ''))
      .split(') ')[1]
      ?.split(' ')[2];
    if (Number(group) === browser.pid) own.push(pid);
  }
  return own;
}

describe('a page that hangs', () => {
  beforeEach(() => start(hasty));

  test('answers actions with a clear error, and the browser stays usable', async () => {
    await go('/loop');
    expect(await browser.act(PRESS)).toMatchObject({
      kind: 'refused',
      reason: 'not-responding',
      tab: 'tab_1',
    });
    expect(await watched.heard('page-hangs')).toMatchObject({ tab: 'tab_1' });
    expect(await browser.act({ type: 'html' })).toMatchObject({ reason: 'not-responding' });
    expect(await browser.act({ type: 'screenshot', format: 'png' })).toMatchObject({
      reason: 'not-responding',
    });
    expect(browser.tabs()).toHaveLength(1);
    expect(await browser.listTabs()).toMatchObject([{ title: 'loop' }]);
    expect(await browser.openTab(`${site.url}/two`)).toMatchObject({ kind: 'done', tab: 'tab_2' });
    expect(await browser.closeTab('tab_1')).toMatchObject({ kind: 'done' });
    expect(await go('/')).toMatchObject({ kind: 'navigated', tab: 'tab_2', loaded: true });
  });

  test('is left by navigating away', async () => {
    await go('/loop');
    expect(await browser.act(PRESS)).toMatchObject({ reason: 'not-responding' });
    expect(await go('/two')).toMatchObject({ kind: 'navigated', url: `${site.url}/two`, loaded: true });
    expect(await browser.act({ type: 'html' })).toMatchObject({ kind: 'html' });
    await watched.heard('page-responds');
  });

  test('may only be slow: then it is said so, and goes on', async () => {
    await go('/busy');
    expect(await browser.act(PRESS)).toMatchObject({ reason: 'not-responding' });
    await watched.heard('page-hangs');
    await watched.heard('page-responds');
    expect(await browser.act({ type: 'html' })).toMatchObject({ kind: 'html' });
  });
});

describe('a page that crashes', () => {
  beforeEach(() => start(here));

  test('is told, answers what waits, and can be navigated', async () => {
    await go('/loop');
    const capture = await browser.capture('tab_1', {
      maxWidth: 800,
      maxHeight: 600,
      quality: 60,
      arrived() {},
    });
    const pids = await renderers();
    const waiting = browser.act(PRESS);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    expect(await waiting).toMatchObject({ kind: 'refused', reason: 'page-crashed' });
    expect(await watched.heard('page-crashed')).toMatchObject({ tab: 'tab_1', reason: 'killed' });
    expect(browser.tabs()).toMatchObject([{ state: 'crashed', main: true }]);
    if (capture.kind === 'capturing') expect(await capture.capture.ended).toBe('page-crashed');
    expect(await browser.act({ type: 'html' })).toMatchObject({ reason: 'page-crashed' });
    expect(
      await browser.capture('tab_1', { maxWidth: 8, maxHeight: 8, quality: 60, arrived() {} }),
    ).toMatchObject({
      reason: 'page-crashed',
    });
    expect(await go('/two')).toMatchObject({ kind: 'navigated', loaded: true });
    expect(browser.tabs()).toMatchObject([{ state: 'open' }]);
    expect(await browser.act({ type: 'screenshot', format: 'png' })).toMatchObject({
      kind: 'screenshot',
      width: 800,
    });
    expect(await watched.heard('loaded', ({ title }) => title === 'two')).toBeDefined();
  });

  test.each(['/arrays', '/buffers'])('because it eats memory (%s) leaves the browser alive', async (path) => {
    await go(path);
    // It may crash before it has said that it was pressed.
    expect(await browser.act(PRESS)).toMatchObject({ tab: 'tab_1' });
    expect(await watched.heard('page-crashed')).toMatchObject({
      reason: expect.stringMatching(/oom|memory|crash/) as string,
    });
    expect(await go('/two')).toMatchObject({ kind: 'navigated', loaded: true });
  });
});

describe('a browser that ends', () => {
  beforeEach(() => start(here));

  test('by SIGKILL says so, and answers what waits', async () => {
    const capture = await browser.capture('tab_1', {
      maxWidth: 800,
      maxHeight: 600,
      quality: 60,
      arrived() {},
    });
    const waiting = browser.act({ type: 'wait', ms: 60_000 });
    process.kill(browser.pid, 'SIGKILL');
    expect(await browser.ended).toEqual({ kind: 'signalled', name: 'SIGKILL' });
    expect(await waiting).toMatchObject({ reason: 'browser-gone' });
    if (capture.kind === 'capturing') expect(await capture.capture.ended).toBe('browser-gone');
    expect(watched.told.at(-1)).toEqual({
      ...{ type: 'browser-ended', cause: 'signalled', detail: 'It was ended by SIGKILL.' },
    });
    expect(await here.workFolders()).toEqual([]);
    expect(await browser.openTab(null)).toMatchObject({ reason: 'browser-gone' });
    expect(await browser.closeTab('tab_1')).toMatchObject({
      reason: expect.stringMatching(/browser-gone|last-tab/) as string,
    });
    expect(browser.input({ type: 'text', text: 'x' })).toBe('taken');
  });

  test('by a fault of its own has crashed', async () => {
    process.kill(browser.pid, 'SIGSEGV');
    expect(await browser.ended).toMatchObject({ kind: 'crashed' });
    expect(watched.told.at(-1)).toMatchObject({ type: 'browser-ended', cause: 'crashed' });
  });

  test('because it hangs itself', async () => {
    await start(hasty);
    process.kill(browser.pid, 'SIGSTOP');
    const acting = browser.act({ type: 'screenshot', format: 'png' });
    expect(await browser.ended).toEqual({ kind: 'hung' });
    expect(await acting).toMatchObject({ kind: 'refused' });
    expect(watched.told.at(-1)).toMatchObject({ type: 'browser-ended', cause: 'hung' });
  });
});

describe('a dialog', () => {
  beforeEach(() => start(here));

  test('is answered at once, and told', async () => {
    await go('/dialogs');
    expect(await browser.act(PRESS)).toMatchObject({ kind: 'done' });
    expect(await watched.heard('dialog-opened')).toMatchObject({
      dialog: 'alert',
      message: 'a',
      answer: 'dismiss',
    });
    expect(await watched.heard('dialog-opened')).toMatchObject({ dialog: 'confirm', message: 'b' });
    expect(await watched.heard('dialog-closed')).toMatchObject({ tab: 'tab_1' });
    await expect.poll(async () => (await browser.listTabs())[0]?.title).toBe('false null');
  });

  test('is accepted on a rule', async () => {
    await using accepting = await here.open({ dialogs: 'accept' }).then(({ browser: other }) => other);
    await accepting.act({ type: 'navigate', url: `${site.url}/dialogs` });
    await accepting.act(PRESS);
    await expect.poll(async () => (await accepting.listTabs())[0]?.title).toBe('true');
  });

  test('after dialog does not keep a tab on its page, and leaving it is no crash', async () => {
    for (let round = 0; round < 6; round++) {
      expect(await go('/dialog-loop')).toMatchObject({ kind: 'navigated' });
      await watched.heard('dialog-opened');
      await watched.heard('dialog-opened');
      expect(await go('/two')).toMatchObject({ kind: 'navigated', url: `${site.url}/two`, loaded: true });
    }
    expect(watched.told.filter(({ type }) => type === 'page-crashed')).toEqual([]);
    using capture = await browser
      .capture('tab_1', { maxWidth: 800, maxHeight: 600, quality: 60, arrived: () => undefined })
      .then((outcome) => (outcome.kind === 'capturing' ? outcome.capture : undefined));
    await expect.poll(() => capture?.newest?.width).toBe(800);
  });

  test('does not keep a page from loading, nor an action from being done', async () => {
    expect(await go('/dialog-now')).toMatchObject({ kind: 'navigated', loaded: true });
    expect(await go('/dialog-loop')).toMatchObject({ kind: 'navigated' });
    expect(await browser.act({ type: 'screenshot', format: 'png' })).toMatchObject({ kind: 'screenshot' });
    await watched.heard('omitted', ({ of }) => of === 'dialog-opened');
    expect(await go('/print')).toMatchObject({ kind: 'navigated', loaded: true });
    expect(await browser.act({ type: 'screenshot', format: 'png' })).toMatchObject({ kind: 'screenshot' });
    expect(await go('/chooser')).toMatchObject({ kind: 'navigated' });
    expect(await browser.act(PRESS)).toMatchObject({ kind: 'done' });
    expect(await browser.act({ type: 'html' })).toMatchObject({ kind: 'html' });
  });
});
