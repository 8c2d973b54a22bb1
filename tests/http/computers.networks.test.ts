import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { act, computers, createComputer, done } from '../support/computers.ts';
import { makeKey } from '../support/keys.ts';
import { findChromium } from '../support/optional.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { page, type Site, startSite } from '../support/site.ts';
import { openSocket } from '../support/socket.ts';
import { openStream } from '../support/sse-client.ts';
import { until } from '../support/within.ts';

const chromium = findChromium();

interface Status {
  readonly status: string;
  /** ISO 8601: it sorts as text. */
  readonly last_activity_at: string;
}

describe.skipIf(chromium.missing)('what a key opens to its browsers', () => {
  let site: Site;
  let server: TestServer;
  beforeAll(async () => {
    site = await startSite({ '/': page('home') });
    server = await startServer();
  });
  afterAll(async () => {
    await server?.stop();
    await site?.[Symbol.asyncDispose]();
  });

  test('P-401 D-22 the networks of a key are open to its computers alone', async () => {
    const opened = await makeKey(server, { scopes: ['computers:control'], allowed_networks: [site.network] });
    const plain = await makeKey(server, { scopes: ['computers:control'] });
    await using mine = await createComputer(server, {}, opened);
    await using others = await createComputer(server, {}, plain);
    expect(await done(server, mine.id, 'navigate', { url: `${site.url}/` })).toMatchObject({
      http_status: 200,
    });
    expect(await act(server, others.id, 'navigate', { url: `${site.url}/` })).toMatchObject({
      status: 'ERROR',
      code: 'url-forbidden',
    });
    expect(site.asked).toEqual(['/']);
    // This server itself is on the same address, at another port.
    expect(await act(server, mine.id, 'navigate', { url: `${server.url}/health/live` })).toMatchObject({
      status: 'ERROR',
      code: 'url-forbidden',
    });
  });

  test('P-401 an admin opens networks to a key; another key passes on what it has, and no more', async () => {
    const create = async (body: object, key: string = server.key) =>
      request(server, '/keys', { method: 'POST', body: { name: 'k', ...body }, key });
    const scopes = ['keys:write', 'computers:control'];
    const made = await create({ scopes, allowed_networks: ['10.0.0.0/8', 'intranet.example:8443'] });
    expect(made.status).toBe(201);
    const { data } = made.json<{ data: { id: string; key: string } }>();
    expect(data).toMatchObject({ allowed_networks: ['10.0.0.0/8', 'intranet.example:8443'] });
    const shown = await request(server, `/keys/${data.id}`);
    expect(shown.json()).toMatchObject({
      data: { allowed_networks: ['10.0.0.0/8', 'intranet.example:8443'] },
    });
    const passed = await create(
      { scopes: ['computers:control'], allowed_networks: ['10.0.0.0/8'] },
      data.key,
    );
    expect(passed.json()).toMatchObject({ data: { allowed_networks: ['10.0.0.0/8'] } });
    const none = await create({ scopes: ['computers:control'] }, data.key);
    expect(none.json<{ data: object }>().data).not.toHaveProperty('allowed_networks');
    for (const allowed_networks of [['10.0.0.0/7'], ['127.0.0.1'], ['10.0.0.0/8', '::1']])
      expect((await create({ scopes: ['computers:control'], allowed_networks }, data.key)).status).toBe(403);
    for (const allowed_networks of [[''], ['*'], ['http://x'], ['10.0.0.0/33'], 'x', [1]])
      expect((await create({ scopes: ['computers:control'], allowed_networks })).status).toBe(400);
  });

  test('D-31 P-392 watching the frames as a stream keeps a computer alive, the documented call does not', async () => {
    await using watched = await createComputer(server, { inactivity_timeout_seconds: 10 });
    using client = await openSocket(server);
    client.send({ type: 'subscribe', stream: `computers/${watched.id}/frames`, delivery: 'latest' });
    await client.next('subscribed');
    await using documented = await createComputer(server, { inactivity_timeout_seconds: 2 });
    await using reader = await openStream(server, `/v1/computers/${documented.id}/screencast`);
    // Ends with its computer.
    expect(await reader.end()).toBe('ended');
    const status = async (id: string): Promise<Status> =>
      (await computers(server, 'GET', `/${id}/status`)).json<Status>();
    expect(await status(documented.id)).toMatchObject({ status: 'terminated' });
    const before = await status(watched.id);
    await until(
      async () => (await status(watched.id)).last_activity_at > before.last_activity_at,
      'another sign of life of the one that is watched',
    );
  });
});
