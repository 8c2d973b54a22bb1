import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  act,
  type ActionResult,
  type Computer,
  computers,
  createComputer,
  done,
  startComputerServer,
  titleOf,
} from '../support/computers.ts';
import { findChromium } from '../support/optional.ts';
import { request } from '../support/request.ts';
import type { TestServer } from '../support/server.ts';
import { page, type Site, startSite } from '../support/site.ts';
import { until } from '../support/within.ts';

const chromium = findChromium();

/** Writes down in its title what is done to it. */
const LISTENER = `
  const told = [];
  const tell = (text) => { told.push(text); document.title = told.join(' '); };
  for (const type of ['click', 'dblclick', 'contextmenu', 'mousedown', 'mouseup'])
    addEventListener(type, (event) => tell(type + event.button + '@' + event.clientX + ',' + event.clientY));
  addEventListener('wheel', (event) => tell('wheel' + event.deltaX + ',' + event.deltaY));
  addEventListener('contextmenu', (event) => event.preventDefault());
`;
const KEYS = `
  const told = [];
  for (const type of ['keydown', 'keyup'])
    addEventListener(type, (event) => { told.push(type + ':' + event.key); document.title = told.join(' '); });
`;

describe.skipIf(chromium.missing)('actions of computers', () => {
  let site: Site;
  let server: TestServer;
  let computer: Computer & AsyncDisposable;
  beforeAll(async () => {
    site = await startSite({
      '/': page('home', '<p>Grüße, 世界</p>'),
      '/mouse': page('', '<div style="height:3000px"></div>', LISTENER),
      '/keys': page('', '', KEYS),
      '/form': page(
        'form',
        '<input id="text" autofocus style="width:500px" oninput="document.title = this.value">',
        'text.focus()',
      ),
      '/dialog': page('before', '', 'setTimeout(() => { alert("wait"); document.title = "after"; }, 0)'),
      '/redirect': (_request, response) => void response.writeHead(302, { location: '/' }).end(),
      '/missing': (_request, response) => void response.writeHead(404).end('<title>missing</title>'),
      // Never answered.
      '/never': () => undefined,
    });
    server = await startComputerServer(site, { env: { PLAYHEAD_COMPUTER_ACTION_MS: '15000' } });
    computer = await createComputer(server);
  });
  afterAll(async () => {
    await computer?.[Symbol.asyncDispose]();
    await server?.stop();
    await site?.[Symbol.asyncDispose]();
  });

  const visit = (path: string): Promise<ActionResult['result']> =>
    done(server, computer.id, 'navigate', { url: site.url + path });
  const titled = (expected: string): Promise<void> =>
    until(async () => (await titleOf(server, computer.id)).includes(expected), `the title ${expected}`);

  test('CO-27 P-331 every answer has the documented shape', async () => {
    const answer = await act(server, computer.id, 'navigate', { url: site.url, include_context: true });
    expect(answer).toMatchObject({
      status: 'SUCCESS',
      request_id: expect.stringMatching(/^req_/),
      timestamp: expect.any(String),
      executed_tab_id: expect.any(String),
      result: { http_status: 200, loaded: true },
      page_context: {
        url: `${site.url}/`,
        title: 'home',
        tab_id: answer.executed_tab_id,
        is_main_tab: true,
        viewport_width: 1280,
        viewport_height: 720,
        page_width: 1280,
        page_height: expect.any(Number),
        scroll_x: 0,
        scroll_y: 0,
        device_scale_factor: 1,
      },
    });
    expect(await act(server, computer.id, 'navigate', { url: site.url })).not.toHaveProperty('page_context');
  });

  test.each([
    ['click', { x: 10, y: 20 }, 'click0@10,20'],
    ['double-click', { x: 10, y: 20 }, 'dblclick0@10,20'],
    ['right-click', { x: 10, y: 20 }, 'contextmenu2@10,20'],
    ['mouse-down', { x: 30, y: 40 }, 'mousedown0@30,40'],
    ['mouse-up', { x: 30, y: 40 }, 'mouseup0@30,40'],
    ['drag', { x1: 5, y1: 6, x2: 50, y2: 60 }, 'mouseup0@50,60'],
    ['scroll', { dx: 0, dy: 120, x: 100, y: 100 }, 'wheel0,120'],
    ['scroll', { dx: 0, dy: 120 }, 'wheel0,120'],
  ])('CO-27 P-330 %s by its own path', async (path, body, expected) => {
    await visit('/mouse');
    await done(server, computer.id, path, body);
    await titled(expected);
  });

  test.each([
    [{ type: 'click', x: 1, y: 2 }, 'click0@1,2'],
    [{ type: 'click', x: 1, y: 2, button: 'middle' }, 'mousedown1@1,2'],
    [{ type: 'double_click', x: 1, y: 2 }, 'dblclick0@1,2'],
    [
      {
        type: 'drag',
        path: [
          { x: 1, y: 2 },
          { x: 7, y: 8 },
        ],
      },
      'mouseup0@7,8',
    ],
    [{ type: 'scroll', scroll_x: 0, scroll_y: 60, x: 1, y: 2 }, 'wheel0,60'],
  ])('CO-27 P-330 by execute, in both forms: %j', async (action, expected) => {
    await visit('/mouse');
    await done(server, computer.id, 'execute', { action });
    await titled(expected);
    await visit('/mouse');
    await done(server, computer.id, 'execute', action);
    await titled(expected);
  });

  test('CO-27 typing and keys', async () => {
    await visit('/form');
    await done(server, computer.id, 'type', { text: 'Grüße, 世界 🌍' });
    await titled('Grüße, 世界 🌍');
    await done(server, computer.id, 'hotkey', { keys: ['ctrl', 'a'] });
    await done(server, computer.id, 'execute', { type: 'keypress', keys: ['Backspace'] });
    await done(server, computer.id, 'type', { text: 'again' });
    await titled('again');
    await visit('/keys');
    await done(server, computer.id, 'key-down', { key: 'SHIFT' });
    await done(server, computer.id, 'key-up', { key: 'shift' });
    await titled('keydown:Shift keyup:Shift');
  });

  test('CO-27 html, viewport and wait', async () => {
    await visit('/');
    const { html_content } = await done(server, computer.id, 'html', { auto_detect_encoding: true });
    expect(html_content).toContain('<p>Grüße, 世界</p>');
    await done(server, computer.id, 'viewport', { width: 640, height: 480, scale_factor: 2 });
    const { page_context } = await act(server, computer.id, 'execute', {
      type: 'wait',
      ms: 1,
      include_context: true,
    });
    expect(page_context).toMatchObject({ viewport_width: 640, viewport_height: 480, device_scale_factor: 2 });
    await done(server, computer.id, 'viewport', { width: 1280, height: 720, scale_factor: 1 });
  });

  test('D-23 P-335 a screenshot is an address that opens this one picture without a key, for a while', async () => {
    await visit('/');
    const { screenshot_url } = await done(server, computer.id, 'screenshot');
    const path = String(screenshot_url).slice(server.url.length);
    expect(String(screenshot_url)).toContain(server.url);
    const picture = await fetch(String(screenshot_url));
    expect(picture.status).toBe(200);
    expect(picture.headers.get('content-type')).toBe('image/png');
    expect(picture.headers.get('x-content-type-options')).toBe('nosniff');
    expect(picture.headers.get('content-security-policy')).toContain('sandbox');
    const bytes = Buffer.from(await picture.arrayBuffer());
    expect(bytes.subarray(1, 4).toString()).toBe('PNG');
    for (const wrong of [
      path.replace(/signature=./, 'signature=_'),
      path.replace(/signature=.*/, ''),
      path.replace(/pictures\/\d/, 'pictures/9'),
      path.replace(computer.id, `comp_${'0'.repeat(32)}`),
      path.replace(/pictures\/[^?]*/, 'pictures/..%2f..%2fadmin.key'),
    ])
      expect([400, 404]).toContain((await request(server, wrong, { key: null })).status);

    const { screenshot_base64 } = await done(server, computer.id, 'screenshot', { base64: true });
    expect(Buffer.from(String(screenshot_base64), 'base64').subarray(1, 4).toString()).toBe('PNG');
  });

  test('D-23 P-335 an address is over when its time is, and built from the public URL', async () => {
    await using quick = await startComputerServer(site, {
      env: { PLAYHEAD_COMPUTER_PICTURE_MS: '300', PLAYHEAD_PUBLIC_URL: 'https://public.example' },
    });
    await using other = await createComputer(quick);
    expect(other.endpoints['ws']).toBe(`wss://public.example/v1/computers/${other.id}/ws`);
    const { screenshot_url } = await done(quick, other.id, 'screenshot');
    const url = new URL(String(screenshot_url));
    expect(url.origin).toBe('https://public.example');
    const status = async (): Promise<number> =>
      (await request(quick, url.pathname + url.search, { key: null })).status;
    await until(async () => (await status()) === 404, 'the end of its time');
  });

  test('CO-27 P-333 a batch is done in order and stops at the first error', async () => {
    const answer = (
      await computers(server, 'POST', `/${computer.id}/batch`, {
        actions: [
          { type: 'go_to_url', url: `${site.url}/form` },
          { type: 'type', text: 'one' },
          { type: 'click', x: 99_999, y: 1 },
          { type: 'type', text: 'two' },
        ],
      })
    ).json<{ status: string; results: ActionResult[]; executed: number }>();
    expect(answer).toMatchObject({ status: 'ERROR', executed: 3, code: 'outside-page' });
    expect(answer.results.map(({ status }) => status)).toEqual(['SUCCESS', 'SUCCESS', 'ERROR']);
    expect(await titleOf(server, computer.id)).toBe('one');
  });

  test('CO-27 P-334 tabs are opened, listed, switched and closed; the last one stays', async () => {
    await visit('/');
    const first = (await done(server, computer.id, 'execute', { type: 'list_tabs' }))['tabs'][0].tab_id;
    const { created_tab_id } = await done(server, computer.id, 'tabs', { url: `${site.url}/form` });
    const listed = (await computers(server, 'GET', `/${computer.id}/tabs`)).json<ActionResult>();
    expect(listed.status).toBe('SUCCESS');
    expect(listed.result['tabs']).toEqual([
      expect.objectContaining({
        tab_id: first,
        id: first,
        is_main: false,
        is_active: false,
        url: `${site.url}/`,
      }),
      expect.objectContaining({ tab_id: created_tab_id, is_main: true, is_active: true }),
    ]);
    expect((await act(server, computer.id, 'execute', { type: 'wait', ms: 0 })).executed_tab_id).toBe(
      created_tab_id,
    );
    expect(await act(server, computer.id, `tabs/${first}/switch`, undefined)).toMatchObject({
      status: 'SUCCESS',
      active_tab: first,
    });
    expect(await titleOf(server, computer.id)).toBe('home');
    expect(await titleOf(server, computer.id, String(created_tab_id))).toBe('form');
    const closed = await computers(server, 'DELETE', `/${computer.id}/tabs/${created_tab_id}`);
    expect(closed.json()).toMatchObject({ status: 'SUCCESS', closed_tab: created_tab_id });
    const last = await computers(server, 'DELETE', `/${computer.id}/tabs/${first}`);
    expect(last.status).toBe(200);
    expect(last.json()).toMatchObject({
      status: 'ERROR',
      code: 'last-tab',
      error_message: expect.any(String),
    });
  });

  test.each([
    ['click', { x: 5000, y: 10 }, 'outside-page'],
    ['click', { x: -1, y: 10 }, 'outside-page'],
    ['click', { x: 1, y: 1, tab_id: 'tab_99' }, 'no-such-tab'],
    ['hotkey', { keys: ['NoSuchKey'] }, 'unknown-key'],
    ['navigate', { url: 'not a url' }, 'invalid-url'],
    ['navigate', { url: 'file:///etc/passwd' }, 'invalid-url'],
    ['navigate', { url: 'chrome://version' }, 'invalid-url'],
    ['navigate', { url: 'http://no-such-host.invalid/' }, 'navigation-failed'],
    ['navigate', { url: 'http://127.0.0.1:9/' }, 'url-forbidden'],
    ['navigate', { url: 'http://169.254.169.254/' }, 'url-forbidden'],
    ['change-proxy', { proxy_url: 'ftp://nowhere' }, 'invalid-proxy'],
  ])('P-331 what cannot be done is a clear result: %s %j', async (path, body, code) => {
    const answer = await act(server, computer.id, path, body);
    expect(answer).toMatchObject({ status: 'ERROR', code, error_message: expect.any(String), result: {} });
    expect(await act(server, computer.id, 'execute', { type: 'wait', ms: 0 })).toMatchObject({
      status: 'SUCCESS',
    });
  });

  test('P-331 what is wrong with a request is 400 in the documented shape', async () => {
    for (const [path, body] of [
      ['click', { x: 'a', y: 1 }],
      ['click', []],
      ['execute', { action: { type: 'fly' } }],
      ['execute', {}],
      ['batch', { actions: 'none' }],
      ['viewport', { width: 0 }],
    ] as const) {
      const answer = await computers(server, 'POST', `/${computer.id}/${path}`, body);
      expect(answer.status, JSON.stringify(body)).toBe(400);
      expect(answer.json()).toMatchObject({ status: 'error', error_message: expect.any(String) });
    }
  });

  test('P-332 a page that never loads is told when its time is up, and the computer goes on', async () => {
    await using quick = await startComputerServer(site, { env: { PLAYHEAD_COMPUTER_ACTION_MS: '1000' } });
    await using other = await createComputer(quick);
    expect(await act(quick, other.id, 'navigate', { url: `${site.url}/never` })).toMatchObject({
      status: 'ERROR',
      code: 'timed-out',
    });
    expect(await done(quick, other.id, 'navigate', { url: site.url })).toMatchObject({ http_status: 200 });
  });

  test('a dialog blocks nothing', async () => {
    await visit('/dialog');
    await titled('after');
  });

  test('redirects and errors of a site are told as they are', async () => {
    expect(await visit('/redirect')).toMatchObject({ url: `${site.url}/`, http_status: 200 });
    expect(await visit('/missing')).toMatchObject({ http_status: 404 });
  });

  test('P-332 actions of one tab come behind each other, those of different tabs do not', async () => {
    await using other = await createComputer(server);
    await done(server, other.id, 'navigate', { url: `${site.url}/form` });
    const texts = Array.from({ length: 10 }, (_, i) => String(i));
    // On one connection each, so that only the server puts them in order; each is whole, whatever the order.
    await Promise.all(
      texts.map((text) => done(server, other.id, 'type', { text: `<${text}${text}${text}>` })),
    );
    const title = await titleOf(server, other.id);
    for (const text of texts) expect(title).toContain(`<${text}${text}${text}>`);
    const { created_tab_id } = await done(server, other.id, 'tabs', { url: site.url });
    const slow = act(server, other.id, 'execute', { type: 'wait', ms: 10_000 });
    const [first] = (await done(server, other.id, 'execute', { type: 'list_tabs' }))['tabs'];
    const quick = await act(server, other.id, 'execute', { type: 'wait', ms: 0, tab_id: first.tab_id });
    expect(quick.status).toBe('SUCCESS');
    await computers(server, 'DELETE', `/${other.id}/tabs/${created_tab_id}`);
    expect(await slow).toMatchObject({ status: 'ERROR', code: 'tab-closed' });
  });
});
