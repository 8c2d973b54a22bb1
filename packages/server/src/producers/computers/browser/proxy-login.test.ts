import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type TestBrowsers, testBrowsers } from './browsers.fixture.ts';

const CREDENTIALS = { username: 'computer', password: 'secret' };
const WANTED = `Basic ${Buffer.from('computer:secret').toString('base64')}`;

/** A proxy that answers by itself, to those it knows. */
let proxy: Server;
let server: string;
let here: TestBrowsers;
const asked: { what: string; known: boolean }[] = [];

beforeAll(async () => {
  const known = (request: IncomingMessage): boolean => {
    const knows = request.headers['proxy-authorization'] === WANTED;
    asked.push({ what: `${request.method} ${request.url}`, known: knows });
    return knows;
  };
  proxy = createServer((request, response) => {
    if (!known(request)) {
      response.writeHead(407, { 'proxy-authenticate': 'Basic realm="x"' }).end();
      return;
    }
    const path = new URL(request.url ?? '', 'http://x').pathname;
    const worker = path.endsWith('.js');
    const refused =
      path === '/refused' ? { 'proxy-status': 'playhead; error=destination_ip_prohibited' } : {};
    response.writeHead(path === '/refused' ? 403 : 200, {
      'content-type': worker ? 'text/javascript' : 'text/html',
      ...refused,
    });
    response.end(
      worker
        ? 'fetch("/from-worker")'
        : `<title>${path}</title><script>if(location.pathname==='/page'){fetch('/part');new Worker('/worker.js')}</script>`,
    );
  });
  proxy.on('connect', (request: IncomingMessage, socket: Duplex) => {
    socket.on('error', () => undefined);
    const status = known(request) ? '403 Forbidden' : '407 Proxy Authentication Required';
    socket.end(`HTTP/1.1 ${status}\r\nproxy-authenticate: Basic realm="x"\r\ncontent-length: 0\r\n\r\n`);
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  const address = proxy.address();
  server = `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`;
  here = await testBrowsers();
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
});
beforeEach(() => {
  asked.length = 0;
});

test('D-22 everything goes through the proxy, loopback too, and it knows who asks', async () => {
  const watched = await here.open({ proxy: { server, credentials: CREDENTIALS } });
  await using browser = watched.browser;
  expect(await browser.act({ type: 'navigate', url: 'http://127.0.0.1:12345/page' })).toMatchObject({
    ...{ kind: 'navigated', status: 200, loaded: true },
  });
  await expect.poll(() => asked.map(({ what }) => what)).toContain('GET http://127.0.0.1:12345/from-worker');
  await browser.openTab('http://localhost:12345/other');
  expect(asked.map(({ what }) => what)).toContain('GET http://localhost:12345/other');
  // The first question is how the browser learns that it must say who it is.
  expect(asked.slice(1).filter(({ known }) => !known)).toEqual([]);
});

test('D-22 what the proxy refuses is forbidden, over a tunnel too', async () => {
  const refused = (host: string): boolean => host === 'inside.test';
  const { browser } = await here.open({ proxy: { server, credentials: CREDENTIALS, refused } });
  await using _browser = browser;
  const go = (url: string): Promise<object> => browser.act({ type: 'navigate', url });
  expect(await go('http://inside.test/refused')).toMatchObject({ kind: 'refused', reason: 'url-forbidden' });
  expect(await go('https://inside.test/')).toMatchObject({ reason: 'url-forbidden' });
  expect(await go('https://outside.test/')).toMatchObject({ reason: 'navigation-failed' });
});

test('SECURITY a page is not told the password, and a wrong one ends the asking', async () => {
  const { browser } = await here.open({
    proxy: { server, credentials: { ...CREDENTIALS, password: 'wrong' } },
  });
  await using _browser = browser;
  await browser.act({ type: 'navigate', url: 'http://a.test/page' }, { timeoutMs: 10_000 });
  const outcome = await browser.act({ type: 'html' });
  expect(JSON.stringify(outcome)).not.toContain('wrong');
  expect(asked.length).toBeLessThan(6);
  expect(asked.every(({ known }) => !known)).toBe(true);
});

test('D-22 a browser that is left alone asks the network for nothing', async () => {
  const { browser } = await here.open({ proxy: { server, credentials: CREDENTIALS } });
  await using _browser = browser;
  // What it asked of its own it would ask as it starts, so before it has answered all of this.
  await browser.act({ type: 'navigate', url: 'data:text/html,<title>quiet</title>' });
  await browser.openTab(null);
  expect(await browser.act({ type: 'screenshot', format: 'jpeg' })).toMatchObject({ kind: 'screenshot' });
  expect(asked).toEqual([]);
});
