import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Computer, computers, createComputer, done, startComputerServer } from '../support/computers.ts';
import { makeKey } from '../support/keys.ts';
import { findChromium } from '../support/optional.ts';
import { request } from '../support/request.ts';
import type { TestServer } from '../support/server.ts';
import { page, type Site, startSite } from '../support/site.ts';
import { upgrade } from '../support/upgrade.ts';

const chromium = findChromium();

/** One tenant's computers as another tenant, and what pages could do to the machine. */
describe.skipIf(chromium.missing)('computers of others', () => {
  let site: Site;
  let server: TestServer;
  let mine: Computer & AsyncDisposable;
  let stranger: string;
  beforeAll(async () => {
    site = await startSite({
      '/': page('secret page'),
      '/inside': page('', `<iframe src="http://127.0.0.1:1/"></iframe>`),
      '/redirect': (_request, response) =>
        void response.writeHead(302, { location: `http://127.0.0.1:${server.port}/health/live` }).end(),
    });
    server = await startComputerServer(site);
    mine = await createComputer(server, { persistent: true });
    await done(server, mine.id, 'navigate', { url: site.url });
    stranger = await makeKey(server, {
      scopes: ['computers:control', 'streams:write', 'chats:write'],
      tenant: 'strangers',
    });
  });
  afterAll(async () => {
    await mine?.[Symbol.asyncDispose]();
    await server?.stop();
    await site?.[Symbol.asyncDispose]();
  });

  test('every path of another tenant’s computer looks as if there were none', async () => {
    const unknown = `comp_${'0'.repeat(32)}`;
    for (const [method, path] of [
      ['GET', ''],
      ['GET', '/status'],
      ['GET', '/events'],
      ['GET', '/events?after=start'],
      ['GET', '/screencast'],
      ['GET', '/tabs'],
      ['DELETE', ''],
      ['POST', '/keepalive'],
      ['POST', '/navigate'],
      ['POST', '/screenshot'],
      ['POST', '/html'],
      ['POST', '/execute'],
      ['POST', '/batch'],
      ['POST', '/tabs'],
      ['POST', '/exec'],
      ['POST', '/exec/sync'],
    ] as const) {
      const body = method === 'POST' ? {} : undefined;
      const [theirs, none] = await Promise.all([
        computers(server, method, `/${mine.id}${path}`, body, stranger),
        computers(server, method, `/${unknown}${path}`, body, stranger),
      ]);
      expect(theirs.status, path).toBe(404);
      expect(without(theirs.json())).toEqual(without(none.json()));
    }
    expect((await upgrade(server, `/v1/computers/${mine.id}/ws?token=${stranger}`)).status).toBe(404);
    expect((await computers(server, 'GET', '', undefined, stranger)).json()).toEqual([]);
    expect((await computers(server, 'GET', '?type=persistent', undefined, stranger)).json()).toEqual([]);
    expect((await request(server, `/v1/streams/computers/${mine.id}`, { key: stranger })).status).toBe(404);
    expect((await computers(server, 'GET', `/${mine.id}`)).json()).toMatchObject({ status: 'running' });
  });

  test('a profile is its tenant’s own, whatever name another gives', async () => {
    expect((await computers(server, 'POST', '', { context_id: mine.id }, stranger)).status).toBe(404);
    expect((await computers(server, 'POST', '', { context_id: '../default/x' }, stranger)).status).toBe(400);
  });

  test('events of a computer are written by the server alone', async () => {
    const answer = await request(server, `/v1/streams/computers/${mine.id}`, {
      method: 'POST',
      body: { type: 'session_state', data: { status: 'terminated' } },
    });
    expect(answer.status).toBe(403);
  });

  test('D-19 a tenant without a sandbox has no shell, and may not be given one', async () => {
    const answer = await request(server, '/keys', {
      method: 'POST',
      body: { name: 'x', scopes: ['computers:control', 'projects:execute'], tenant: 'strangers' },
    });
    expect(answer.status).toBe(403);
    const cdp = await request(server, '/keys', {
      method: 'POST',
      body: { name: 'x', scopes: ['computers:cdp'], tenant: 'strangers' },
    });
    expect(cdp.status).toBe(403);
  });

  test('D-22 a page gets at nothing of this machine that was not opened, not even by a redirect', async () => {
    const answer = await computers(server, 'POST', `/${mine.id}/navigate`, {
      url: `http://127.0.0.1:${server.port}/health/live`,
    });
    expect(answer.json()).toMatchObject({ status: 'ERROR', code: 'url-forbidden' });
    await computers(server, 'POST', `/${mine.id}/navigate`, { url: `${site.url}/redirect` });
    const { html_content } = await done(server, mine.id, 'html');
    expect(String(html_content)).not.toContain('"live"');
  });

  test('a symbolic link in the computer’s folder leads nowhere', async () => {
    await computers(server, 'POST', `/${mine.id}/exec/sync`, { command: 'ln -s / out' });
    const answer = await computers(server, 'POST', `/${mine.id}/exec/sync`, {
      command: 'pwd',
      cwd: '/workspace/out',
    });
    expect(answer.status).toBe(400);
  });
});

/** An error without what differs from answer to answer. */
function without(body: unknown): unknown {
  const { timestamp: _timestamp, request_id: _id, ...rest } = body as Record<string, unknown>;
  return rest;
}
