import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Answer, type Envelope, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

const PATH = '/console/session';
const page = (): Record<string, string> => ({ origin: server.url, 'content-type': 'application/json' });

async function oneTicket(): Promise<string> {
  const answer = await request(server, '/v1/tickets', { method: 'POST', body: {} });
  return answer.json<{ ticket: string }>().ticket;
}

const signIn = (body: unknown, headers: Record<string, string> = page()): Promise<Answer> =>
  request(server, PATH, { method: 'POST', body, key: null, headers });

const cookieIn = (answer: Answer): string => answer.headers['set-cookie']?.[0] ?? '';
const sent = (answer: Answer): Record<string, string> => ({
  ...page(),
  cookie: cookieIn(answer).split(';')[0] ?? '',
});
const asBrowser = (path: string, headers: Record<string, string>, method = 'GET'): Promise<Answer> =>
  request(server, path, { method, key: null, headers });

test('D-17 a ticket signs the page in once, by a cookie that no script reads and no other site sends', async () => {
  const ticket = await oneTicket();
  const answer = await signIn({ ticket });
  expect(answer.status).toBe(200);
  expect(cookieIn(answer)).toMatch(
    /^playhead_session=[\w-]{43}; Path=\/; Expires=[^;]+GMT; HttpOnly; SameSite=Strict$/,
  );
  expect(answer.json()).toMatchObject({ signed_in: true, tenant: 'default', expires_at: expect.any(String) });
  expect((await asBrowser('/projects', sent(answer))).status).toBe(200);
  expect((await signIn({ ticket })).status).toBe(401);
});

test('D-17 a key signs in as well, in the body or in a header', async () => {
  expect((await signIn({ key: server.key })).status).toBe(200);
  expect((await signIn({}, { ...page(), 'x-api-key': server.key })).status).toBe(200);
  expect((await signIn({ key: 'rdev_wrong_key' })).status).toBe(401);
  expect((await signIn({})).status).toBe(401);
  expect((await signIn({ nothing: 1 })).status).toBe(400);
});

test('D-20 the cookie counts only from the very same origin, and for changes only with a JSON body', async () => {
  const headers = sent(await signIn({ ticket: await oneTicket() }));
  const { cookie = '' } = headers;
  expect((await asBrowser('/projects', { cookie, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
  expect((await asBrowser('/projects', { cookie })).status).toBe(401);
  expect((await asBrowser('/projects', { cookie, origin: 'http://127.0.0.1:1' })).status).toBe(401);
  const form = { cookie, origin: server.url, 'content-type': 'text/plain' };
  const posted = await request(server, '/keys', { method: 'POST', key: null, headers: form, body: '{}' });
  expect(posted.status).toBe(415);
});

test('D-20 a foreign page signs nobody in or out', async () => {
  const foreign = { ...page(), origin: 'http://evil.example' };
  const answer = await signIn({ ticket: await oneTicket() }, foreign);
  expect(answer.status).toBe(403);
  expect(answer.headers['set-cookie']).toBeUndefined();
  const good = sent(await signIn({ ticket: await oneTicket() }));
  expect((await asBrowser(PATH, { ...good, origin: 'http://evil.example' }, 'DELETE')).status).toBe(403);
  expect((await asBrowser('/projects', good)).status).toBe(200);
});

test('D-17 signing out ends the session on the server, not only in the browser', async () => {
  const headers = sent(await signIn({ ticket: await oneTicket() }));
  expect((await asBrowser(PATH, headers)).json()).toMatchObject({ signed_in: true });
  const out = await asBrowser(PATH, headers, 'DELETE');
  expect(out.status).toBe(204);
  expect(cookieIn(out)).toMatch(/^playhead_session=; .*Expires=Thu, 01 Jan 1970/);
  expect((await asBrowser('/projects', headers)).status).toBe(401);
  expect((await asBrowser(PATH, headers)).json()).toEqual({ signed_in: false });
});

test('D-17 a cookie does not prolong itself', async () => {
  const headers = sent(await signIn({ ticket: await oneTicket() }));
  const again = await request(server, PATH, { method: 'POST', key: null, body: {}, headers });
  expect(again.status).toBe(401);
});

test('D-17 a session ends with its key', async () => {
  const made = await request(server, '/keys', {
    method: 'POST',
    body: { name: 'x', scopes: ['projects:read'] },
  });
  const { id, key } = made.json<Envelope<{ id: string; key: string }>>().data;
  const headers = sent(await signIn({ key }));
  expect((await asBrowser('/projects', headers)).status).toBe(200);
  await request(server, `/keys/${id}`, { method: 'DELETE' });
  expect((await asBrowser('/projects', headers)).status).toBe(401);
});
