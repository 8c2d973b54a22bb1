import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Browser } from '../browser.ts';
import {
  type TestBrowsers,
  testBrowsers,
  type TestSite,
  testSite,
  type Watched,
} from './browsers.fixture.ts';

let site: TestSite;
let here: TestBrowsers;
let watched: Watched;
let browser: Browser;

beforeAll(async () => {
  const button = (script: string): string =>
    `<button style="position:absolute;left:0;top:0;width:100px;height:100px" onclick="${script}">x</button>`;
  site = await testSite({
    '/': '<title>one</title>',
    '/two': '<title>two</title>',
    '/opener': `<title>opener</title>${button("window.open('/two')")}`,
    '/opener-close': `<title>opener</title>${button("window.open('/closer')")}`,
    '/closer': `<title>closer</title>${button('window.close()')}`,
    '/slow': () => undefined,
  });
  here = await testBrowsers();
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});
beforeEach(async () => {
  watched = await here.open({ maxTabs: 4 });
  ({ browser } = watched);
});
afterEach(() => browser[Symbol.asyncDispose]());

const mains = (): readonly string[] =>
  browser
    .tabs()
    .filter(({ main }) => main)
    .map(({ id }) => id);
const press = (): Promise<unknown> => browser.act({ type: 'click', x: 10, y: 10, button: 'left', count: 1 });

describe('tabs', () => {
  test('are opened, switched and closed, and there is always one main tab', async () => {
    expect(await browser.openTab(`${site.url}/two`)).toEqual({ kind: 'done', tab: 'tab_2' });
    expect(await browser.openTab(null)).toEqual({ kind: 'done', tab: 'tab_3' });
    expect(browser.tabs().map(({ id, url, main }) => [id, url, main])).toEqual([
      ['tab_1', 'about:blank', false],
      ['tab_2', `${site.url}/two`, false],
      ['tab_3', 'about:blank', true],
    ]);
    expect(await browser.activateTab('tab_2')).toEqual({ kind: 'done', tab: 'tab_2' });
    expect(mains()).toEqual(['tab_2']);
    expect(await browser.act({ type: 'html' })).toMatchObject({
      tab: 'tab_2',
      html: expect.stringContaining('two') as string,
    });
    expect(await browser.act({ type: 'navigate', url: `${site.url}/` }, { tab: 'tab_1' })).toMatchObject({
      tab: 'tab_1',
    });
    expect(await browser.closeTab('tab_2')).toEqual({ kind: 'done', tab: 'tab_2' });
    expect(mains()).toEqual(['tab_3']);
    expect(await browser.closeTab('tab_2')).toMatchObject({ reason: 'no-such-tab' });
    expect(await browser.act({ type: 'html' }, { tab: 'tab_2' })).toMatchObject({ reason: 'no-such-tab' });
    expect(await browser.openTab(null)).toEqual({ kind: 'done', tab: 'tab_4' });
    const told = watched.told.filter(({ type }) => type.startsWith('tab-'));
    expect(told.map((event) => `${event.type} ${'tab' in event ? event.tab : ''}`)).toEqual([
      ...['tab-opened tab_1', 'tab-activated tab_1', 'tab-opened tab_2', 'tab-activated tab_2'],
      ...['tab-opened tab_3', 'tab-activated tab_3', 'tab-activated tab_2'],
      ...['tab-closed tab_2', 'tab-activated tab_3', 'tab-opened tab_4', 'tab-activated tab_4'],
    ]);
  });

  test('a page opens one, which becomes the main one; when it is closed its opener is', async () => {
    await browser.act({ type: 'navigate', url: `${site.url}/opener` });
    await browser.openTab(null);
    await browser.activateTab('tab_1');
    await press();
    expect(await watched.heard('tab-opened', ({ tab }) => tab === 'tab_3')).toMatchObject({
      opener: 'tab_1',
    });
    expect(await watched.heard('navigation', ({ tab }) => tab === 'tab_3')).toMatchObject({
      url: `${site.url}/two`,
    });
    expect(mains()).toEqual(['tab_3']);
    await browser.closeTab('tab_3');
    expect(mains()).toEqual(['tab_1']);
  });

  test('there are no more than there may be, whoever opens them', async () => {
    await browser.act({ type: 'navigate', url: `${site.url}/opener` });
    for (let tab = 0; tab < 3; tab++) await browser.openTab(null);
    await browser.act({ type: 'click', x: 10, y: 10, button: 'left', count: 1 }, { tab: 'tab_1' });
    expect(await watched.heard('tab-refused')).toMatchObject({ opener: 'tab_1' });
    expect(browser.tabs()).toHaveLength(4);
    expect(await browser.act({ type: 'screenshot', format: 'jpeg' }, { tab: 'tab_1' })).toMatchObject({
      tab: 'tab_1',
    });
    expect(await browser.openTab(null)).toMatchObject({ kind: 'refused', reason: 'too-many-tabs' });
    expect(await browser.openTab('file:///etc/passwd')).toMatchObject({ reason: 'invalid-url' });
  });

  test('the last one cannot be closed; if a page closes it, there is a blank one', async () => {
    expect(await browser.closeTab('tab_1')).toMatchObject({ reason: 'last-tab', tab: 'tab_1' });
    await browser.act({ type: 'navigate', url: `${site.url}/opener-close` });
    await press();
    await watched.heard('loaded', ({ title }) => title === 'closer');
    await browser.closeTab('tab_1');
    expect(mains()).toEqual(['tab_2']);
    await press();
    await watched.heard('tab-opened', ({ tab }) => tab === 'tab_3');
    expect(await browser.act({ type: 'navigate', url: `${site.url}/` })).toMatchObject({
      tab: 'tab_3',
      loaded: true,
    });
  });

  test('one that is closed in mid-action answers what waits for it', async () => {
    await browser.openTab(null);
    const navigating = browser.act({ type: 'navigate', url: `${site.url}/slow` });
    const behind = browser.act({ type: 'screenshot', format: 'png' });
    await expect.poll(() => site.asked).toContain('/slow');
    await browser.closeTab('tab_2');
    expect(await navigating).toMatchObject({ kind: 'refused', reason: 'tab-closed', tab: 'tab_2' });
    expect(await behind).toMatchObject({ reason: 'tab-closed' });
    expect(await browser.act({ type: 'screenshot', format: 'png' })).toMatchObject({ tab: 'tab_1' });
  });

  test('behind others they go on as the one in front does', async () => {
    await browser.act({
      type: 'navigate',
      url: 'data:text/html,<script>let n=0;const f=()=>{document.title=++n;requestAnimationFrame(f)};f()</script>',
    });
    await browser.openTab(null);
    expect(mains()).toEqual(['tab_2']);
    const title = async (): Promise<number> => {
      const outcome = await browser.context({ tab: 'tab_1' });
      return outcome.kind === 'done' ? Number(outcome.context.title) : 0;
    };
    const before = await title();
    await expect.poll(title, { timeout: 10_000 }).toBeGreaterThan(before + 20);
    expect(await browser.act({ type: 'screenshot', format: 'jpeg' }, { tab: 'tab_1' })).toMatchObject({
      kind: 'screenshot',
    });
  });
});
