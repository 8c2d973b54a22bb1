import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_KEY, type AppFixture, startApp } from './app.fixture.ts';
import type { HttpApp } from './app.ts';
import type { Upgrade } from './upgrade.ts';

function accept({ socket, principal, params, query }: Upgrade): void {
  socket.end(
    'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n' +
      JSON.stringify({ who: principal?.tenant ?? null, params, query: query.toString() }),
  );
}

function mount(app: HttpApp): void {
  app.onUpgrade({ path: '/', access: 'public', handle: accept });
  app.onUpgrade({
    path: '/v1/computers/:id/ws',
    access: 'authenticated',
    tokenInQuery: true,
    handle: accept,
  });
  app.onUpgrade({ path: '/v1/socket', access: { scope: 'streams:read' }, handle: accept });
  app.onUpgrade({
    path: '/v1/fails',
    access: 'public',
    handle: () => {
      throw new Error('secret detail');
    },
  });
  app.add({
    method: 'GET',
    path: '/',
    access: 'public',
    handle: () => ({ status: 302, headers: { Location: '/console/' } }),
  });
}

let fixture: AppFixture;
beforeAll(async () => {
  fixture = await startApp({ mount });
});
afterAll(() => fixture?.[Symbol.asyncDispose]());

const upgrade = (path: string, headers: Record<string, string> = {}): Promise<string> => {
  const all = { Host: 'localhost', Upgrade: 'websocket', Connection: 'Upgrade', ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return fixture.raw(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
};

describe('upgrades', () => {
  test('reach their route with parameters, query and caller', async () => {
    const answer = await upgrade('/v1/socket?after=1', { 'X-API-Key': ADMIN_KEY });
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(answer).toContain('{"who":"default","params":{},"query":"after=1"}');
  });

  test('CO-21 take ?token= only where a route says so, and hide it', async () => {
    const answer = await upgrade(`/v1/computers/c1/ws?token=${ADMIN_KEY}&x=1`);
    expect(answer).toContain('{"who":"default","params":{"id":"c1"},"query":"x=1"}');
    expect(await upgrade(`/v1/socket?token=${ADMIN_KEY}`)).toMatch(/^HTTP\/1\.1 401 /);
  });

  test('CO-21 without a valid credential are refused as HTTP, in the shape of the path', async () => {
    const answer = await upgrade('/v1/computers/c1/ws?token=wrong');
    // Parsers that are strict take no line end but this one.
    expect(answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({ status: 'error' });
    const { key } = await fixture.makeKey({ scopes: ['chats:read'] });
    expect(await upgrade('/v1/socket', { 'X-API-Key': key })).toMatch(/^HTTP\/1\.1 403 /);
  });

  test('D-20 under a foreign Host are 421, also where anybody may connect', async () => {
    expect(await upgrade('/', { Host: 'evil.example' })).toMatch(/^HTTP\/1\.1 421 /);
    expect(await upgrade('/')).toMatch(/^HTTP\/1\.1 101 /);
  });

  test('at other paths are 404, at ambiguous ones 400', async () => {
    expect(await upgrade('/v1/nothing')).toMatch(/^HTTP\/1\.1 404 /);
    expect(await upgrade('/v1/../v1/socket')).toMatch(/^HTTP\/1\.1 400 /);
  });

  test('that fail inside are 500 without detail', async () => {
    const answer = await upgrade('/v1/fails');
    expect(answer).toMatch(/^HTTP\/1\.1 500 /);
    expect(answer).not.toContain('secret detail');
  });

  test('to other protocols are answered as plain requests', async () => {
    const answer = await upgrade('/health', { Upgrade: 'h2c', Connection: 'Upgrade, close' });
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });

  test('D-25 a plain GET on a WebSocket path is 426, unless a page is there', async () => {
    const answer = await fixture.send('/v1/computers/c1/ws', { key: null });
    expect(answer.status).toBe(426);
    expect(answer.headers.upgrade).toBe('websocket');
    expect(answer.json).toMatchObject({ status: 'error' });
    const root = await fixture.send('/', { key: null });
    expect(root.headers.location).toBe('/console/');
  });

  test('whose client goes away meanwhile harm nobody', async () => {
    const socket: Socket = connect(fixture.port, '127.0.0.1');
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()));
    socket.write(
      'GET /v1/fails HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    );
    socket.resetAndDestroy();
    expect((await fixture.send('/health')).status).toBe(200);
  });
});
