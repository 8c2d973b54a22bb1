import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Computer, startComputerServer } from '../support/computers.ts';
import { device, userKey } from '../support/contexts.ts';
import { findChromium } from '../support/optional.ts';
import { request } from '../support/request.ts';
import type { TestServer } from '../support/server.ts';
import { page, type Site, startSite } from '../support/site.ts';
import { until } from '../support/within.ts';

const chromium = findChromium();

describe.skipIf(chromium.missing)('computers as devices of their owners', () => {
  let site: Site;
  let server: TestServer;
  beforeAll(async () => {
    site = await startSite({ '/': page('A page of the test') });
    server = await startComputerServer(site);
  });
  afterAll(async () => {
    await server?.stop();
    await site?.[Symbol.asyncDispose]();
  });

  test("P-460 a page opened in a computer appears on the socket of another device, and on nobody else's", async () => {
    const key = await userKey(server, 'ann', { scopes: ['contexts:write', 'computers:control'] });
    const bob = await userKey(server, 'bob');
    using laptop = await device(server, key, 'ann', 'user-contexts', 'current-context', 'tab-events');
    using other = await device(server, bob, 'bob', 'user-contexts', 'current-context', 'tab-events');
    const made = await request(server, '/v1/computers', { method: 'POST', key, body: {} });
    expect(made.status).toBe(200);
    const { id } = made.json<Computer>();
    const url = `${site.url}/`;
    await request(server, `/v1/computers/${id}/navigate`, { method: 'POST', key, body: { url } });
    await until(
      () =>
        laptop
          .updates('user-contexts')
          .some(
            ({ event }) => event.payload.kind === 'context.updated' && JSON.stringify(event).includes(url),
          ),
      'the page to be told',
    );
    const update = laptop
      .updates('user-contexts')
      .find(({ event }) => JSON.stringify(event.payload).includes(url));
    expect(update?.event).toMatchObject({
      userId: 'ann',
      source: { device: { id, formFactor: 'computer' } },
    });
    const current = await request(server, '/api/v1/context/current', { key });
    expect(current.json()).toMatchObject({ url, title: 'A page of the test', device: { id } });
    const presence = (await request(server, '/api/v1/presence', { key })).json<{
      devices: { id: string }[];
    }>();
    expect(presence.devices.map((each) => each.id)).toContain(id);
    expect((await request(server, `/v1/computers/${id}`, { method: 'DELETE', key })).status).toBe(204);
    await until(
      () => laptop.updates('tab-events').some(({ event }) => event.payload.kind === 'tab.closed'),
      'its tabs to close',
    );
    await other.ask({ type: 'heartbeat' });
    expect(other.messages.filter(({ type }) => type === 'state-update')).toEqual([]);
  });
});
