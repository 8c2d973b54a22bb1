import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { BrowserOutcome } from '../browser-action.ts';
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

beforeAll(async () => {
  site = await testSite({
    '/': '<title>one</title>',
    '/two':
      '<title>two</title><a id=a href="/three" style="position:absolute;left:0;top:0;width:100px;height:100px">x</a>',
    '/three': '<title>three</title>',
    '/push': '<title>push</title><script>setTimeout(()=>history.pushState(0,"","/pushed?q=1#f"))</script>',
    '/hop': '<script>location.replace("/three")</script>',
    '/redirect': (_request, response) => void response.writeHead(302, { location: '/three' }).end(),
    '/empty': (_request, response) => void response.writeHead(204).end(),
    '/silent': () => undefined,
    '/drip': (_request, response) =>
      void response.writeHead(200, { 'content-type': 'text/html' }).write('<title>drip</title>'),
    '/gone': (_request, response) =>
      void response.writeHead(410, { 'content-type': 'text/html' }).end('<title>gone</title>'),
    '/password': (_request, response) =>
      void response
        .writeHead(401, { 'www-authenticate': 'Basic realm="x"', 'content-type': 'text/html' })
        .end('<title>no</title>'),
    '/file': (_request, response) =>
      void response.writeHead(200, { 'content-disposition': 'attachment; filename="a.bin"' }).end('x'),
    '/stay':
      '<title>stay</title><script>onbeforeunload=(e)=>e.preventDefault()</script><button onclick="">x</button>',
  });
  here = await testBrowsers({ loadMs: 300 });
  watched = await here.open();
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

function go(path: string, timeoutMs?: number): Promise<BrowserOutcome> {
  const url = path.startsWith('/') ? `${site.url}${path}` : path;
  return watched.browser.act({ type: 'navigate', url }, timeoutMs === undefined ? {} : { timeoutMs });
}

async function shortened(path: string): Promise<string> {
  const outcome = await go(path);
  return `${outcome.kind} ${outcome.kind === 'navigated' ? outcome.status : undefined}`;
}

describe('an action that navigates', () => {
  test('says where it led, behind redirects of the server and of the page', async () => {
    const three = { kind: 'navigated', url: `${site.url}/three`, status: 200, loaded: true };
    expect(await go('/three')).toMatchObject(three);
    expect(await go('/redirect')).toMatchObject(three);
    expect(await go('/hop')).toMatchObject({
      ...three,
      url: expect.stringMatching(/\/(hop|three)$/) as string,
    });
    expect(await go('/gone')).toMatchObject({ kind: 'navigated', status: 410 });
    expect(await go('data:text/html,<title>data</title>')).toMatchObject({ kind: 'navigated', status: null });
    expect(await go('about:blank')).toMatchObject({ kind: 'navigated', url: 'about:blank' });
  });

  test('within the page is one too', async () => {
    await go('/three');
    expect(await go('/three#part')).toMatchObject({
      kind: 'navigated',
      url: `${site.url}/three#part`,
      loaded: true,
    });
    expect(await watched.heard('navigation', ({ sameDocument }) => sameDocument)).toMatchObject({
      ...{ url: `${site.url}/three#part`, title: 'three' },
    });
  });

  test('goes back, forward, and again', async () => {
    await go('/');
    await go('/two');
    const { browser } = watched;
    expect(await browser.act({ type: 'back' })).toMatchObject({ url: `${site.url}/` });
    expect(await browser.act({ type: 'forward' })).toMatchObject({ url: `${site.url}/two` });
    const before = site.asked.length;
    expect(await browser.act({ type: 'reload' })).toMatchObject({ url: `${site.url}/two`, status: 200 });
    expect(site.asked.slice(before)).toContain('/two');
    expect(await browser.act({ type: 'forward' })).toMatchObject({ reason: 'navigation-failed' });
  });

  test('does not wait for ever for the rest of a page, nor for its beginning', async () => {
    expect(await go('/drip')).toMatchObject({ kind: 'navigated', url: `${site.url}/drip`, loaded: false });
    expect(await go('/silent', 300)).toMatchObject({ kind: 'refused', reason: 'timed-out', tab: 'tab_1' });
    expect(await go('/two')).toMatchObject({ kind: 'navigated', url: `${site.url}/two` });
  });

  test('says why it failed', async () => {
    const closed: Server = createServer();
    closed.listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const address = closed.address();
    const port = typeof address === 'object' ? address?.port : 0;
    closed.close();
    await once(closed, 'close');
    expect(await go(`http://127.0.0.1:${port}/`)).toMatchObject({ reason: 'navigation-failed' });
    expect(await watched.heard('navigation-failed')).toMatchObject({
      ...{ url: `http://127.0.0.1:${port}/`, reason: 'net::ERR_CONNECTION_REFUSED' },
    });
    expect(await go('http://no-such-host.invalid/')).toMatchObject({ reason: 'navigation-failed' });
    expect(await go('http://127.0.0.1:1/')).toMatchObject({ reason: 'url-forbidden' });
    expect(await go('/empty')).toMatchObject({ reason: 'navigation-replaced' });
    expect(await go('/file')).toMatchObject({ reason: 'navigation-failed' });
    // Chrome says that there is no password, its headless shell shows the page of the site that says so.
    expect(['navigated 401', 'refused undefined']).toContain(await shortened('/password'));
  });

  test.each([
    'no url',
    '/relative',
    '',
    'example.com',
    'file:///etc/passwd',
    'javascript:alert(1)',
    'chrome://version',
    'about:config',
    'view-source:http://example.com',
    'ftp://example.com',
    'devtools://devtools/bundled/inspector.html',
  ])('SECURITY opens no %j', async (url) =>
    expect(await watched.browser.act({ type: 'navigate', url })).toMatchObject({ reason: 'invalid-url' }),
  );

  test('is not kept by a page that does not want to be left', async () => {
    await go('/stay');
    await watched.browser.act({ type: 'click', x: 20, y: 20, button: 'left', count: 1 });
    expect(await go('/two')).toMatchObject({ kind: 'navigated', url: `${site.url}/two` });
    expect(await watched.heard('dialog-opened')).toMatchObject({ dialog: 'beforeunload', answer: 'accept' });
  });
});

describe('CO-7 navigations that nobody asked for are told', () => {
  test('of a script, within the page', async () => {
    await go('/push');
    expect(await watched.heard('navigation', ({ url }) => url.includes('pushed'))).toMatchObject({
      ...{ url: `${site.url}/pushed?q=1#f`, sameDocument: true, title: 'push' },
    });
    await expect.poll(() => watched.browser.tabs()[0]?.url).toBe(`${site.url}/pushed?q=1#f`);
  });

  test('of a link', async () => {
    await go('/two');
    await watched.browser.act({ type: 'click', x: 10, y: 10, button: 'left', count: 1 });
    expect(await watched.heard('navigation', ({ url }) => url.endsWith('/three'))).toMatchObject({
      ...{ sameDocument: false, status: 200, tab: 'tab_1' },
    });
    expect(await watched.heard('loaded', ({ url }) => url.endsWith('/three'))).toMatchObject({
      title: 'three',
    });
  });
});
