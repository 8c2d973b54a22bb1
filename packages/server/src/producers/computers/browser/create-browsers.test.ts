import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  processesNaming,
  type TestBrowsers,
  testBrowsers,
  type TestSite,
  testSite,
} from './browsers.fixture.ts';

let site: TestSite;
let here: TestBrowsers;

beforeAll(async () => {
  site = await testSite({
    '/': '<title>one</title><h1>One</h1>',
    '/two': '<title>two</title><h1>Two</h1>',
  });
  here = await testBrowsers();
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

describe('a browser', () => {
  test('opens, navigates, and leaves nothing behind', async () => {
    const { browser, heard } = await here.open();
    expect(browser.version).toMatch(/^Chrome\/\d/);
    expect(browser.tabs()).toMatchObject([{ id: 'tab_1', url: 'about:blank', main: true, state: 'open' }]);
    const outcome = await browser.act({ type: 'navigate', url: `${site.url}/` });
    expect(outcome).toEqual({
      kind: 'navigated',
      tab: 'tab_1',
      url: `${site.url}/`,
      status: 200,
      loaded: true,
    });
    expect(await heard('navigation')).toMatchObject({
      url: `${site.url}/`,
      status: 200,
      sameDocument: false,
    });
    expect(await heard('loaded')).toMatchObject({ url: `${site.url}/`, title: 'one' });
    const [folder] = await here.workFolders();
    expect(await processesNaming(folder ?? '')).not.toEqual([]);
    await browser[Symbol.asyncDispose]();
    expect(await browser.ended).toEqual({ kind: 'closed' });
    expect(await processesNaming(folder ?? '')).toEqual([]);
    expect(await here.workFolders()).toEqual([]);
    expect(await browser.act({ type: 'screenshot', format: 'png' })).toMatchObject({
      reason: 'browser-gone',
    });
  });
});
