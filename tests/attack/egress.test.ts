import { once } from 'node:events';
import { createSocket } from 'node:dgram';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcp } from 'node:net';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createGuard } from '../../packages/server/src/outgoing/create-guard.ts';
import type { Egress, EgressPass, EgressRefusal } from '../../packages/server/src/outgoing/egress.ts';
import { createEgress } from '../../packages/server/src/outgoing/proxy/create-egress.ts';
import { systemClock } from '../../packages/server/src/runtime/clock.ts';
import { networkList } from '../../packages/server/src/runtime/network-list.ts';
import { findChromium } from '../support/optional.ts';

/**
 * A real Chromium behind the proxy, and pages that try to get at this machine. `open.example` is the one host that may
 * be reached; `changes.example` answers once with its address and from then on with that of what is closed, which no real
 * resolver does on demand, so the resolver is a part of ours.
 */
const program = findChromium();

const silent = { debug() {}, info() {}, warn() {}, error() {} };

describe.skipIf(program.missing)('a browser behind the proxy', () => {
  let egress: Egress;
  let pass: EgressPass;
  let browser: Browser;
  let page: Page;
  let open: string;
  let closedPort: number;
  /** Whatever reached what is closed. */
  const leaks: string[] = [];
  const refusals: EgressRefusal[] = [];
  const questions: string[] = [];
  const sites: { close(): unknown }[] = [];

  beforeAll(async () => {
    // What must never hear of anybody: a server of this machine, over TCP and UDP.
    const closed = createTcp((socket) => {
      leaks.push('tcp');
      socket
        .on('error', () => {})
        .end('HTTP/1.1 200 OK\r\naccess-control-allow-origin: *\r\ncontent-length: 6\r\n\r\nsecret');
    });
    closed.listen(0, '127.0.0.1');
    await once(closed, 'listening');
    closedPort = (closed.address() as AddressInfo).port;
    const udp = createSocket('udp4', () => leaks.push('udp'));
    udp.bind(closedPort, '127.0.0.1');
    await once(udp, 'listening');
    const site = createServer(answer);
    site.on('upgrade', (_request, socket) => socket.destroy());
    site.listen(0, '127.0.0.2');
    await once(site, 'listening');
    const sitePort = (site.address() as AddressInfo).port;
    open = `http://open.example:${sitePort}`;
    sites.push(closed, udp, site);
    const guard = createGuard({
      clock: systemClock,
      allowPrivate: false,
      // Not the site's name, so that a name alone opens nothing.
      allowed: networkList([`127.0.0.2:${sitePort}`]),
      resolveMs: 5000,
      resolve(host) {
        questions.push(host);
        if (host === 'open.example') return Promise.resolve(['127.0.0.2']);
        if (host === 'closed.example') return Promise.resolve(['127.0.0.1']);
        if (host === 'changes.example') {
          const before = questions.filter((each) => each === host).length;
          return Promise.resolve([before > 1 ? '127.0.0.1' : '127.0.0.2']);
        }
        return Promise.reject(new Error('no such name'));
      },
    });
    egress = createEgress({ guard, clock: systemClock, logger: silent, connectMs: 10_000, connections: 200 });
    pass = await egress.open({ refused: (refusal) => refusals.push(refusal) });
    browser = await chromium.launch({
      executablePath: program.path,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--proxy-bypass-list=<-loopback>',
        // The first is not heard by every build of the browser.
        '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
        '--webrtc-ip-handling-policy=disable_non_proxied_udp',
        // `open.example` is no secure context by itself; workers need one.
        `--unsafely-treat-insecure-origin-as-secure=${open}`,
      ],
      proxy: { server: pass.server, bypass: '<-loopback>', ...pass.credentials },
    });
  });

  afterAll(async () => {
    await browser?.close();
    await egress?.[Symbol.asyncDispose]();
    for (const site of sites) site.close();
  });

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'http://site');
    const send = (type: string, body: string): void =>
      void response.writeHead(200, { 'content-type': type }).end(body);
    switch (url.pathname) {
      case '/to':
        response.writeHead(302, { location: url.searchParams.get('url') ?? '' }).end();
        return;
      case '/worker.js':
        send(
          'text/javascript',
          `addEventListener('message', async (event) => {
             let answer;
             try { answer = await (await fetch(event.data)).text(); } catch (error) { answer = 'failed'; }
             event.source.postMessage(answer);
           });
           addEventListener('activate', (event) => event.waitUntil(clients.claim()));`,
        );
        return;
      default:
        send('text/html', `<!doctype html><title>open</title><p>${url.pathname}`);
    }
  }

  async function fresh(): Promise<void> {
    page = await browser.newPage();
    const loaded = await page.goto(`${open}/`);
    expect(loaded?.status()).toBe(200);
    refusals.length = 0;
    leaks.length = 0;
  }

  /** What a page gets that fetches something: its text, or `failed`. */
  function fetched(url: string): Promise<string> {
    return inPage(`
      try {
        const got = await fetch(${JSON.stringify(url)});
        return got.status + ' ' + (await got.text());
      } catch {
        return 'failed';
      }
    `);
  }

  /** The value of the body of an async function in the page. */
  function inPage<T>(body: string): Promise<T> {
    return page.evaluate<T>(`(async () => {${body}})()`);
  }

  const spellings = (port: number): string[] => [
    `http://127.0.0.1:${port}/`,
    `http://localhost:${port}/`,
    `http://LOCALHOST.:${port}/`,
    `http://a.localhost:${port}/`,
    `http://closed.example:${port}/`,
    `http://0x7f.1:${port}/`,
    `http://0177.0.0.1:${port}/`,
    `http://2130706433:${port}/`,
    `http://127.1:${port}/`,
    `http://0.0.0.0:${port}/`,
    `http://[::1]:${port}/`,
    `http://[::ffff:127.0.0.1]:${port}/`,
    `http://[::ffff:7f00:1]:${port}/`,
    `http://169.254.169.254:${port}/`,
    `https://127.0.0.1:${port}/`,
  ];

  test('D-22 no spelling of this machine is reached by navigation', async () => {
    await fresh();
    for (const url of spellings(closedPort)) {
      const answered = await page.goto(url).catch(() => null);
      expect([null, 403, 502], url).toContain(answered?.status() ?? null);
    }
    expect(leaks).toEqual([]);
    expect(refusals.map(({ host }) => host)).toContain('closed.example');
    await page.close();
  });

  test('D-22 no spelling of this machine is reached by a script', async () => {
    await fresh();
    for (const url of spellings(closedPort)) expect(await fetched(url), url).toBe('failed');
    expect(leaks).toEqual([]);
    await page.close();
  });

  test('D-22 a redirect, a frame, an image, media and a beacon reach nothing', async () => {
    await fresh();
    const secret = `http://127.0.0.1:${closedPort}/`;
    const redirected = await page.goto(`${open}/to?url=${encodeURIComponent(secret)}`).catch(() => null);
    expect([null, 403]).toContain(redirected?.status() ?? null);
    await page.goto(`${open}/`);
    expect(await fetched(`${open}/to?url=${encodeURIComponent(secret)}`)).toBe('failed');
    const parts = await inPage<string[]>(`
      const url = ${JSON.stringify(secret)};
      const done = (element) => new Promise((resolve) => {
        element.onload = () => resolve('load');
        element.onerror = () => resolve('error');
        document.body.append(element);
      });
      const make = (name, members) => Object.assign(document.createElement(name), members);
      const image = await done(make('img', { src: url + 'image' }));
      const script = await done(make('script', { src: url + 'script' }));
      const style = await done(make('link', { rel: 'stylesheet', href: url + 'style' }));
      // A frame says load also for an error page.
      await done(make('iframe', { src: url + 'frame' }));
      const video = await new Promise((resolve) => {
        const element = make('video', { onerror: () => resolve('error'), onloadeddata: () => resolve('load') });
        element.src = url + 'video';
        document.body.append(element);
      });
      navigator.sendBeacon(url + 'beacon', 'x');
      return [image, script, style, video];
    `);
    expect(parts).toEqual(['error', 'error', 'error', 'error']);
    await expect.poll(() => refusals.length, { timeout: 20_000 }).toBeGreaterThanOrEqual(7);
    expect(leaks).toEqual([]);
    await page.close();
  });

  test('D-22 a WebSocket and an event stream reach nothing', async () => {
    await fresh();
    const outcomes = await inPage<string[]>(`
      const port = ${closedPort};
      const opened = (source) => new Promise((resolve) => {
        source.onopen = () => resolve('open');
        source.onerror = () => resolve('error');
      });
      return [
        await opened(new WebSocket('ws://127.0.0.1:' + port + '/')),
        await opened(new WebSocket('ws://localhost:' + port + '/')),
        await opened(new WebSocket('wss://[::1]:' + port + '/')),
        await opened(new WebSocket('ws://closed.example:' + port + '/')),
        await opened(new EventSource('http://127.0.0.1:' + port + '/')),
      ];
    `);
    expect(outcomes).toEqual(['error', 'error', 'error', 'error', 'error']);
    expect(leaks).toEqual([]);
    await page.close();
  });

  test('D-22 workers reach nothing', async () => {
    await fresh();
    const secret = `http://127.0.0.1:${closedPort}/`;
    const service = await inPage<string>(`
      await navigator.serviceWorker.register('/worker.js');
      const { active } = await navigator.serviceWorker.ready;
      const answered = new Promise((resolve) => {
        navigator.serviceWorker.addEventListener('message', (event) => resolve(event.data));
      });
      active.postMessage(${JSON.stringify(secret)});
      return answered;
    `);
    expect(service).toBe('failed');
    const dedicated = await inPage<string>(`
      const code = 'fetch("${secret}").then((r) => r.text()).then(postMessage, () => postMessage("failed"))';
      const worker = new Worker(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
      return new Promise((resolve) => { worker.onmessage = (event) => resolve(event.data); });
    `);
    expect(dedicated).toBe('failed');
    expect(leaks).toEqual([]);
    await page.close();
  });

  test('D-22 a name that changes its answer stays where it was checked', async () => {
    await fresh();
    const port = Number(new URL(open).port);
    const before = await page.goto(`http://changes.example:${port}/`);
    expect(before?.status()).toBe(200);
    // From now on the name is this machine: whatever is connected anew is refused.
    for (let i = 0; i < 3; i++)
      expect(await fetched(`http://changes.example:${closedPort}/?${i}`)).not.toContain('secret');
    expect(leaks).toEqual([]);
    expect(refusals.some(({ host, reason }) => host === 'changes.example' && reason === 'address')).toBe(
      true,
    );
    await page.close();
  });

  test('D-22 WebRTC sends nothing past the proxy', async () => {
    await fresh();
    const candidates = await inPage<string[]>(`
      const iceServers = [{ urls: 'stun:127.0.0.1:${closedPort}' }, { urls: 'stun:[::1]:${closedPort}' }];
      const peer = new RTCPeerConnection({ iceServers });
      const seen = [];
      peer.createDataChannel('x');
      peer.onicecandidate = ({ candidate }) => { if (candidate !== null) seen.push(candidate.candidate); };
      const complete = new Promise((resolve) => {
        peer.onicegatheringstatechange = () => { if (peer.iceGatheringState === 'complete') resolve(); };
      });
      await peer.setLocalDescription(await peer.createOffer());
      await complete;
      peer.close();
      return seen;
    `);
    expect(candidates.filter((each) => / udp /i.test(each))).toEqual([]);
    expect(leaks).toEqual([]);
    await page.close();
  });

  test('D-22 a page cannot show a file', async () => {
    await fresh();
    expect(await fetched('file:///etc/passwd')).toBe('failed');
    const outcome = await inPage<string>(`
      location.href = 'file:///etc/passwd';
      const frame = Object.assign(document.createElement('iframe'), { src: 'file:///etc/passwd' });
      document.body.append(frame);
      await fetch('/');
      try {
        return frame.contentDocument?.body.textContent ?? 'none';
      } catch {
        return 'none';
      }
    `);
    expect(outcome).not.toContain('root:');
    expect(page.url()).toBe(`${open}/`);
    await page.close();
  });

  test('D-22 another browser cannot use this way, and after it is closed nobody can', async () => {
    const stranger = await chromium.launch({
      executablePath: program.path,
      args: ['--no-sandbox', '--disable-gpu', '--proxy-bypass-list=<-loopback>'],
      proxy: { server: pass.server, bypass: '<-loopback>' },
    });
    try {
      const theirs = await stranger.newPage();
      const refused = await theirs.goto(`${open}/`).catch(() => null);
      expect([null, 407]).toContain(refused?.status() ?? null);
    } finally {
      await stranger.close();
    }
    await fresh();
    pass[Symbol.dispose]();
    const cut = await page.goto(`${open}/again`).catch(() => null);
    expect([null, 407]).toContain(cut?.status() ?? null);
    await page.close();
  });
});
