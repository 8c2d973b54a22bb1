import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  act,
  type Computer,
  computers,
  createComputer,
  done,
  eventsOf,
  openEvents,
  startComputerServer,
  titleOf,
} from '../support/computers.ts';
import { makeKey } from '../support/keys.ts';
import { findChromium } from '../support/optional.ts';
import { request } from '../support/request.ts';
import type { TestServer } from '../support/server.ts';
import { page, type Site, startSite } from '../support/site.ts';
import { until } from '../support/within.ts';

const chromium = findChromium();
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

describe.skipIf(chromium.missing)('sessions of computers', () => {
  let site: Site;
  let server: TestServer;
  beforeAll(async () => {
    site = await startSite({
      '/': page('home'),
      '/cookie': page(
        '',
        '',
        'document.title = "cookie: " + document.cookie; document.cookie = "kept=yes; max-age=600"',
      ),
    });
    server = await startComputerServer(site);
  });
  afterAll(async () => {
    await server?.stop();
    await site?.[Symbol.asyncDispose]();
  });

  test('CO-27 P-320 P-322 is created without a body, shown, listed and terminated', async () => {
    const made = await computers(server, 'POST');
    expect(made.status).toBe(200);
    expect(made.headers['content-type']).toMatch(/^application\/json/);
    const computer = made.json<Computer>();
    expect(computer).toMatchObject({
      id: expect.stringMatching(/^comp_[0-9a-f]+$/),
      kind: 'browser',
      status: 'ready',
      created_at: expect.stringMatching(ISO),
      expires_at: expect.stringMatching(ISO),
      idle_expires_at: expect.stringMatching(ISO),
      last_activity_at: expect.stringMatching(ISO),
      inactivity_timeout_seconds: 120,
      max_lifetime_seconds: 86_400,
      auto_kill: true,
      idle_timeout_enabled: true,
    });
    for (const [name, url] of Object.entries(computer.endpoints)) {
      expect(name).toMatch(/^\w+$/);
      expect(url).toContain(`/v1/computers/${computer.id}`);
    }
    expect((await computers(server, 'GET', `/${computer.id}`)).json()).toMatchObject({ id: computer.id });
    const status = (await computers(server, 'GET', `/${computer.id}/status`)).json<Computer>();
    expect(status).toMatchObject({ id: computer.id, status: 'ready' });
    expect(status).not.toHaveProperty('kind');
    expect(status).not.toHaveProperty('endpoints');
    const all = (await computers(server, 'GET')).json<Computer[]>();
    expect(all.map(({ id }) => id)).toContain(computer.id);

    expect((await computers(server, 'DELETE', `/${computer.id}`)).status).toBe(204);
    expect((await computers(server, 'DELETE', `/${computer.id}`)).status).toBe(204);
    const left = (await computers(server, 'GET', '?type=live')).json<Computer[]>();
    expect(left.map(({ id }) => id)).not.toContain(computer.id);
  });

  test('CO-27 P-320 every field of the request counts, and the names of the newer generation win', async () => {
    await using computer = await createComputer(server, {
      kind: 'browser',
      display: { width: 800, height: 600, scale: 1 },
      timeout_seconds: 100,
      max_lifetime_seconds: 200,
      inactivity_timeout_seconds: 50,
      auto_kill: true,
      idle_timeout_enabled: false,
      stealth: { level: 1 },
      use_advanced_proxy: false,
      context_id: null,
      persistent: false,
      something_new: 1,
    });
    expect(computer).toMatchObject({
      max_lifetime_seconds: 200,
      inactivity_timeout_seconds: 50,
      auto_kill: false,
      idle_timeout_enabled: false,
    });
    const { page_context } = await act(server, computer.id, 'execute', {
      type: 'wait',
      ms: 0,
      include_context: true,
    });
    expect(page_context).toMatchObject({ viewport_width: 800, viewport_height: 600 });
  });

  test('CO-16 CO-17 P-323 keepalive without a body moves the idle time and answers the status', async () => {
    await using computer = await createComputer(server);
    const first = await computers(server, 'POST', `/${computer.id}/keepalive`);
    const second = await computers(server, 'POST', `/${computer.id}/keepalive`);
    expect(first.status).toBe(200);
    expect(first.headers['content-type']).toMatch(/^application\/json/);
    const [a, b] = [first.json<Computer>(), second.json<Computer>()];
    expect(a).toMatchObject({ id: computer.id, status: 'ready', auto_kill: true });
    expect(Date.parse(a.idle_expires_at)).toBeGreaterThanOrEqual(Date.parse(computer.idle_expires_at));
    expect(Date.parse(b.idle_expires_at)).toBeGreaterThanOrEqual(Date.parse(a.idle_expires_at));
    expect(b.expires_at).toBe(computer.expires_at);
  });

  test('CO-18 P-323 keepalive of a terminated computer is 404, which clients do not try again', async () => {
    const computer = await createComputer(server);
    await computers(server, 'DELETE', `/${computer.id}`);
    const answer = await computers(server, 'POST', `/${computer.id}/keepalive`);
    expect(answer.status).toBe(404);
    expect(answer.json()).toMatchObject({
      status: 'error',
      error_message: expect.any(String),
      timestamp: expect.stringMatching(ISO),
      request_id: expect.stringMatching(/^req_/),
    });
  });

  test('CO-19 P-321 P-323 dies of inactivity when nobody uses it, told ahead', async () => {
    await using quick = await startComputerServer(site);
    const computer = await createComputer(quick, { inactivity_timeout_seconds: 1 });
    await using reader = await openEvents(quick, computer.id, { query: '?after=start' });
    await reader.end();
    const events = eventsOf(reader);
    const [warning, last] = events.slice(-2);
    expect(warning).toMatchObject({ type: 'expiring', expires_at: expect.stringMatching(ISO) });
    expect(last).toMatchObject({ type: 'session_state', status: 'terminated', ending: { kind: 'expired' } });
    expect(Date.parse(last?.timestamp ?? '')).toBeGreaterThanOrEqual(Date.parse(computer.idle_expires_at));
    expect((await computers(quick, 'GET', `/${computer.id}/status`)).json()).toMatchObject({
      status: 'terminated',
      ending: { kind: 'expired' },
    });
  });

  test('CO-19 P-323 watching alone does not keep it alive, unless the server is set so', async () => {
    await using quick = await startComputerServer(site, {
      env: { PLAYHEAD_COMPUTER_IDLE_MS: '3000', PLAYHEAD_COMPUTER_WATCHING_RENEWS: '1' },
    });
    const watched = await createComputer(quick);
    await using reader = await openEvents(quick, watched.id, { query: '?after=start' });
    // What this one lives for is what a watched one outlives.
    const alone = await createComputer(quick);
    const status = async (id: string): Promise<unknown> =>
      (await computers(quick, 'GET', `/${id}/status`)).json<Computer>().status;
    await until(
      async () => (await status(alone.id)) === 'terminated',
      'the end of the one that nobody watches',
    );
    expect(await status(watched.id)).toBe('ready');
    reader.close();
    await until(async () => (await status(watched.id)) === 'terminated', 'the end of the other');
  });

  test('CO-25 both prefixes are served, and other methods are 405', async () => {
    await using computer = await createComputer(server);
    for (const prefix of ['/v1/computers', '/computers']) {
      const at = `${prefix}/${computer.id}`;
      expect((await request(server, at)).status).toBe(200);
      expect((await request(server, `${at}/keepalive`, { method: 'POST' })).status).toBe(200);
      for (const [method, path, allowed] of [
        ['POST', 'events', 'GET'],
        ['POST', 'screencast', 'GET'],
        ['GET', 'keepalive', 'POST'],
        ['PUT', 'keepalive', 'POST'],
        ['POST', 'ws', 'GET'],
        ['DELETE', 'ws', 'GET'],
        ['GET', 'navigate', 'POST'],
      ] as const) {
        const answer = await request(server, `${at}/${path}`, { method });
        expect(answer.status, `${method} ${path}`).toBe(405);
        expect(answer.headers['allow']).toContain(allowed);
        expect(answer.json()).toMatchObject({ status: 'error', error_message: expect.any(String) });
      }
    }
  });

  test('CO-2 CO-26 P-326 without a key, with a wrong one, and for what is unknown: JSON in the documented shape', async () => {
    const unknown = `/comp_${'0'.repeat(32)}`;
    for (const path of ['', unknown, `${unknown}/events`, `${unknown}/status`]) {
      for (const key of [null, 'sk_wrong']) {
        const answer = await computers(server, 'GET', path, undefined, key);
        expect(answer.status, path).toBe(401);
        expect(answer.headers['content-type']).toMatch(/^application\/json/);
        expect(answer.json()).toMatchObject({ status: 'error', error_message: expect.any(String) });
      }
    }
    for (const [method, path] of [
      ['GET', unknown],
      ['GET', '/comp_123'],
      ['GET', '/something'],
      ['GET', `${unknown}/status`],
      ['GET', `${unknown}/events`],
      ['GET', `${unknown}/tabs`],
      ['DELETE', unknown],
      ['POST', `${unknown}/keepalive`],
      ['POST', `${unknown}/navigate`],
      ['POST', `${unknown}/execute`],
      ['POST', `${unknown}/exec`],
    ] as const) {
      const answer = await computers(server, method, path, method === 'POST' ? {} : undefined);
      expect(answer.status, `${method} ${path}`).toBe(404);
      expect(answer.json()).toMatchObject({ status: 'error', error_message: expect.any(String) });
    }
  });

  test('CO-26 P-325 a terminated one answers for its history, and 404 to everything else', async () => {
    const computer = await createComputer(server);
    await done(server, computer.id, 'navigate', { url: site.url });
    await computers(server, 'DELETE', `/${computer.id}`);
    const at = `/${computer.id}`;
    expect((await computers(server, 'GET', at)).json()).toMatchObject({ status: 'terminated' });
    expect((await computers(server, 'GET', `${at}/status`)).json()).toMatchObject({
      status: 'terminated',
      ending: { kind: 'stopped' },
    });
    for (const path of [
      'navigate',
      'screenshot',
      'execute',
      'batch',
      'tabs',
      'keepalive',
      'exec',
      'exec/sync',
    ])
      expect((await computers(server, 'POST', `${at}/${path}`, {})).status, path).toBe(404);
    expect((await computers(server, 'GET', `${at}/tabs`)).status).toBe(404);
  });

  test('P-337 P-350 scopes: readers look, who controls acts, and nobody else may do either', async () => {
    const [reader, driver, other] = await Promise.all([
      makeKey(server, { scopes: ['computers:read'] }),
      makeKey(server, { scopes: ['computers:control'] }),
      makeKey(server, { scopes: ['streams:read'] }),
    ]);
    await using computer = await createComputer(server, {}, driver);
    const at = `/${computer.id}`;
    expect((await computers(server, 'GET', at, undefined, driver)).status).toBe(200);
    expect((await computers(server, 'GET', at, undefined, reader)).status).toBe(200);
    expect((await computers(server, 'GET', at, undefined, other)).status).toBe(403);
    for (const [method, path] of [
      ['POST', ''],
      ['POST', `${at}/navigate`],
      ['POST', `${at}/execute`],
      ['POST', `${at}/keepalive`],
      ['DELETE', at],
    ] as const) {
      expect((await computers(server, method, path, {}, reader)).status, path).toBe(403);
    }
    expect((await computers(server, 'POST', `${at}/exec/sync`, { command: 'id' }, driver)).status).toBe(403);
  });

  test('D-26 P-326 what is not served is 501, which clients do not try again', async () => {
    await using computer = await createComputer(server);
    for (const answer of [
      await computers(server, 'POST', '', { kind: 'desktop' }),
      await computers(server, 'GET', `/${computer.id}/cdp`),
      await request(server, '/agent/tasks', { method: 'POST', body: {} }),
      await request(server, '/v1/agent/tasks/stream', { method: 'POST', body: {} }),
    ]) {
      expect(answer.status).toBe(501);
      expect(answer.headers['x-should-retry']).toBe('false');
      expect(answer.json()).toMatchObject({ status: 'error', error_message: expect.any(String) });
    }
  });

  test('P-324 context_id keeps a profile from one computer to the next', async () => {
    const visit = async (body: unknown): Promise<string> => {
      await using computer = await createComputer(server, body);
      await done(server, computer.id, 'navigate', { url: `${site.url}/cookie` });
      return await titleOf(server, computer.id);
    };
    expect(await visit({ context_id: 'shopper' })).toBe('cookie: ');
    expect(await visit({ context_id: 'shopper' })).toBe('cookie: kept=yes');
    expect(await visit({ context_id: 'another' })).toBe('cookie: ');
    expect(await visit({})).toBe('cookie: ');
  });
});
