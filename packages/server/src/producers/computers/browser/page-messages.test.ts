import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type TestBrowsers,
  testBrowsers,
  type TestSite,
  testSite,
  type Watched,
} from './browsers.fixture.ts';

let site: TestSite;
let other: TestSite;
let here: TestBrowsers;
let watched: Watched;

beforeAll(async () => {
  other = await testSite({ '/frame': '<title>frame</title><script>console.log("from a frame")</script>' });
  site = await testSite({
    '/': '<title>one</title>',
    '/console': `<script>console.log('text', 1, {a:1,b:'x'}, [1,2], null, undefined, true);
console.warn('careful');console.error(new Error('wrong').message);console.log('x'.repeat(20000))</script>`,
    '/errors': `<script>setTimeout(()=>{throw new TypeError('not caught')});Promise.reject(new Error('not handled'));Promise.reject('a string')</script>`,
    '/requests': `<script>fetch('/missing');fetch('http://127.0.0.1:1/');new Image().src='http://no-such-host.invalid/i.png';
fetch('/broken').catch(()=>{});new WebSocket('ws://'+location.host+'/socket')</script>`,
    '/broken': (request) => void request.socket.destroy(),
    '/parts': `<iframe src="${other.url.replace('127.0.0.1', 'localhost')}/frame"></iframe><script>
new Worker(URL.createObjectURL(new Blob(['console.log("from a worker")'])))</script>`,
    '/flood':
      '<title>flood</title><script>setInterval(()=>{for(let i=0;i<500;i++)console.log("flood "+i)})</script>',
    '/many':
      '<title>many</title><script>setInterval(()=>{for(let i=0;i<50;i++)fetch("/x"+i).catch(()=>{})},10)</script>',
    '/spam':
      '<title>spam</title><script>let n=0;setInterval(()=>history.replaceState(0,"","?"+ ++n))</script>',
  });
  here = await testBrowsers();
  watched = await here.open();
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
  await other[Symbol.asyncDispose]();
});

async function go(path: string): Promise<void> {
  expect(await watched.browser.act({ type: 'navigate', url: `${site.url}${path}` })).toMatchObject({
    kind: 'navigated',
  });
}

describe('what a page says is told', () => {
  test('its console', async () => {
    await go('/console');
    expect(await watched.heard('console')).toMatchObject({
      ...{ tab: 'tab_1', level: 'log', at: { url: `${site.url}/console`, line: 1 } },
      text: 'text 1 {a: 1, b: x} [1, 2] null undefined true',
    });
    expect(await watched.heard('console')).toMatchObject({ level: 'warning', text: 'careful' });
    expect(await watched.heard('console')).toMatchObject({ level: 'error', text: 'wrong' });
    expect((await watched.heard('console')).text).toHaveLength(8192);
  });

  test('its errors', async () => {
    await go('/errors');
    const texts = [
      await watched.heard('page-error'),
      await watched.heard('page-error'),
      await watched.heard('page-error'),
    ];
    expect(texts.map(({ text }) => text.split('\n')[0]).sort()).toEqual([
      'Error: not handled',
      'TypeError: not caught',
      'Uncaught (in promise) a string',
    ]);
    expect(texts.find(({ text }) => text.includes('not caught'))?.at).toMatchObject({
      url: `${site.url}/errors`,
      line: 1,
    });
  });

  test('requests that fail, and why', async () => {
    await go('/requests');
    // They fail in any order.
    const failed = (part: string): object | undefined =>
      watched.told.find((event) => event.type === 'request-failed' && event.url.includes(part));
    const parts = ['/missing', '127.0.0.1:1/', 'no-such-host', '/broken', '/socket'];
    await expect.poll(() => parts.filter((part) => failed(part) === undefined)).toEqual([]);
    const found = parts.map(failed);
    expect(found).toMatchObject([
      { method: 'GET', resource: 'fetch', cause: 'status', status: 404 },
      { resource: 'fetch', reason: 'net::ERR_UNSAFE_PORT' },
      { resource: 'image', cause: 'network', status: null },
      { resource: 'fetch', cause: 'network', reason: 'net::ERR_EMPTY_RESPONSE' },
      { resource: 'websocket' },
    ]);
  });

  test('also by frames of other sites, and by workers', async () => {
    await go('/parts');
    const said = (text: string): boolean =>
      watched.told.some((event) => event.type === 'console' && event.text === text);
    await expect.poll(() => said('from a worker') && said('from a frame')).toBe(true);
  });
});

describe('a page that says too much', () => {
  test.each([
    ['/flood', 'console'],
    ['/many', 'request-failed'],
    ['/spam', 'navigation'],
  ] as const)('%s is told in part, and what was left out is counted', async (path, type) => {
    const flooded = await here.open();
    await using browser = flooded.browser;
    await browser.act({ type: 'navigate', url: `${site.url}${path}` });
    const omitted = await flooded.heard('omitted', (event) => event.of === type);
    expect(omitted.count).toBeGreaterThan(0);
    expect(flooded.told.filter((event) => event.type === type).length).toBeLessThan(400);
    expect(await browser.act({ type: 'screenshot', format: 'jpeg' })).toMatchObject({ kind: 'screenshot' });
  });
});
