import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { ask } from '../ask.ts';
import { api, makePerson, numbers, openContexts, say, sync, told } from '../contexts.ts';
import { openEvents } from '../event-reader.ts';

interface Page {
  readonly channel: string;
  readonly events: readonly { readonly sequenceNumber: number }[];
  readonly latestSequence: number;
  readonly next: number;
  readonly truncated: boolean;
}

describe('19 Contexts', () => {
  test('P-420 the socket is for anybody, and other requests are told so', async () => {
    using socket = await openContexts();
    expect(await socket.message('welcome')).toMatchObject({ connectionId: expect.any(String) as string });
    expect((await ask('/ws', { key: null })).status).toBe(426);
    const page = await ask('/', { key: null, headers: { accept: 'text/html' } });
    expect([page.status, page.headers.location]).toEqual([302, '/console/']);
  });

  test('P-421 an answer is in the dialect of its question', async () => {
    const { user, key } = await makePerson();
    using socket = await openContexts();
    const welcome = await socket.message('welcome');
    expect(welcome['data']).toMatchObject({ connectionId: welcome['connectionId'] });
    socket.send({ type: 'auth', id: 'm1', data: { token: key, userId: user } });
    expect(await socket.message('auth_response')).toMatchObject({
      id: 'm1',
      success: true,
      data: { userId: user },
    });
    expect(await say(socket, { type: 'heartbeat' })).toMatchObject({ type: 'heartbeat' });
  });

  test('P-422 P-423 what follows auth is judged by it, and nobody becomes another', async () => {
    const [ann, bob] = [await makePerson(), await makePerson()];
    using socket = await openContexts();
    expect(await say(socket, { type: 'subscribe', channels: ['user-contexts'] })).toMatchObject({
      code: 'unauthorized',
    });
    expect(await say(socket, { type: 'auth', token: ann.key, userId: bob.user })).toMatchObject({
      code: 'unauthorized',
    });
    socket.send({ type: 'auth', token: ann.key, userId: ann.user });
    const joined = await say(socket, { type: 'subscribe', channels: ['user-contexts'] });
    expect(joined).toMatchObject({ type: 'subscription-confirmed', channels: ['user-contexts'] });
    expect(await say(socket, { type: 'auth', token: bob.key, userId: bob.user })).toMatchObject({
      type: 'error',
    });
  });

  test('P-430 P-431 P-432 behind a number everything follows without a gap, after the confirmation', async () => {
    const person = await makePerson();
    await sync(person, told('a'), told('b'), told('c'));
    using socket = await openContexts(person);
    const joined = await say(socket, { type: 'subscribe', channels: ['user-contexts'], after: 1 });
    expect(joined['positions']).toMatchObject({ 'user-contexts': { from: 1, latest: 3, truncated: false } });
    await sync(person, told('d'));
    expect(await numbers(socket, 'user-contexts', 3)).toEqual([2, 3, 4]);
    const types = socket.messages.map(({ type }) => type);
    expect(types.indexOf('subscription-confirmed')).toBeLessThan(types.indexOf('state-update'));
    using late = await openContexts(person, 'user-contexts');
    await sync(person, told('e'));
    expect(await numbers(late, 'user-contexts', 1)).toEqual([5]);
  });

  test('P-433 a channel is read as pages', async () => {
    const person = await makePerson();
    await sync(person, told('a'), told('b'), told('c'));
    using socket = await openContexts(person);
    await say(socket, { type: 'subscribe', channels: ['user-contexts'], after: 0 });
    await numbers(socket, 'user-contexts', 3);
    const read = async (query: string): Promise<Page> =>
      (await api(`/channels/user-contexts/events${query}`, person.key)).json<Page>();
    const first = await read('?after=0&limit=2');
    expect(first).toMatchObject({ channel: 'user-contexts', latestSequence: 3, truncated: false });
    expect(first.events.map(({ sequenceNumber }) => sequenceNumber)).toEqual([1, 2]);
    const second = await read(`?after=${first.next}`);
    expect(second.events.map(({ sequenceNumber }) => sequenceNumber)).toEqual([3]);
    expect(await read('?after=999')).toMatchObject({ truncated: true });
  });

  test('P-435 the channels tell what each is for', async () => {
    const person = await makePerson();
    using socket = await openContexts(person, 'user-contexts', 'current-context', 'tab-events');
    const tab = { type: 'tab', tabId: 2, windowId: 1, url: 'https://example.com/two', title: 'two' };
    await sync(person, told('one', { tabId: 1 }), told('two', { tabId: 2 }), {
      ...told('x'),
      type: 'activate',
      payload: tab,
    });
    await numbers(socket, 'user-contexts', 3);
    await numbers(socket, 'tab-events', 1);
    const tabs = socket.messages.filter(({ channel }) => channel === 'tab-events');
    expect(tabs.map(({ event }) => (event as { payload: object }).payload)).toMatchObject([
      { kind: 'tab.activated', data: { type: 'tab', tabId: 2 } },
    ]);
    await numbers(socket, 'current-context', 2);
    const current = await api('/context/current', person.key);
    expect(current.json()).toMatchObject({ contextId: 'two' });
  });

  test('P-436 a broadcast reaches the user’s devices alone', async () => {
    const [ann, bob] = [await makePerson(), await makePerson()];
    using one = await openContexts(ann, 'user-contexts');
    using two = await openContexts(ann, 'user-contexts');
    using other = await openContexts(bob, 'user-contexts');
    const event = { payload: { kind: 'note', data: { text: 'hello' } } };
    const sent = await say(one, { type: 'broadcast', channel: 'user-contexts', event });
    expect(sent).toMatchObject({ type: 'broadcast-confirmed', delivered: 2, sequenceNumber: 1 });
    expect(await numbers(two, 'user-contexts', 1)).toEqual([1]);
    await sync(bob, told('own'));
    await numbers(other, 'user-contexts', 1);
    expect(JSON.stringify(other.messages)).not.toContain('hello');
  });

  test('P-437 a team is seen by its members alone', async () => {
    const [ann, bob] = [await makePerson(), await makePerson()];
    const id = randomBytes(6).toString('hex');
    const made = await api('/teams', ann.key, { method: 'POST', body: { id, members: [bob.user] } });
    expect(made.status).toBe(201);
    const stranger = await makePerson();
    using outside = await openContexts(stranger);
    expect(await say(outside, { type: 'subscribe', channels: [`team:${id}`] })).toMatchObject({
      code: 'channel_not_found',
    });
    expect((await api(`/channels/team:${id}/events`, stranger.key)).status).toBe(404);
    using inside = await openContexts(bob, `team:${id}`);
    const event = { payload: { kind: 'note', data: {} } };
    using maker = await openContexts(ann);
    await say(maker, { type: 'broadcast', channel: `team:${id}`, event });
    expect(await numbers(inside, `team:${id}`, 1)).toEqual([1]);
    expect(
      (await api(`/teams/${id}/members/${bob.user}`, ann.key, { method: 'DELETE' })).status,
    ).toBeLessThan(300);
    expect((await api(`/channels/team:${id}/events`, bob.key)).status).toBe(404);
  });

  test('P-440 each message of a sync is judged by itself, and taken once', async () => {
    const person = await makePerson();
    const message = told('a');
    await sync(person, message);
    const answer = await sync(person, message, { id: 'wrong' }, told('b'));
    const { results } = answer.json<{ results: { status?: string }[] }>();
    expect(results.map(({ status }) => status === 'duplicate')).toEqual([true, false, false]);
    expect(results.map(({ status }) => status === 'stored')).toEqual([false, false, true]);
  });

  test('P-441 P-442 privacy comes before storing', async () => {
    const person = await makePerson();
    const secret = 'ann.person@example.com';
    await sync(person, told('p', { privacyLevel: 'private', content: { text: `Write to ${secret}` } }));
    const shown = await api('/context/p', person.key);
    expect(shown.status).toBe(200);
    expect(shown.text).toContain('[redacted]');
    const history = await api('/context/history', person.key);
    expect(shown.text + history.text).not.toContain(secret);
  });

  test('P-443 history and search hold what was answered before, or say that they do not yet', async () => {
    const person = await makePerson();
    await sync(person, told('find-me', { title: 'Gooseberry jam & more' }), told('other'));
    const history = await api('/context/history?limit=10', person.key);
    expect(history.json<{ items: object[] }>().items.length).toBeGreaterThanOrEqual(2);
    const found = await api('/context/search?q=gooseberry', person.key);
    const { items = [], indexing = false } = found.json<{
      items?: { snippet: string }[];
      indexing?: boolean;
    }>();
    if (indexing) return;
    expect(items).toHaveLength(1);
    expect(found.text).toContain('<mark>');
  });

  test('P-444 what is deleted is told by nothing any more, and numbers stay dense', async () => {
    const person = await makePerson();
    await sync(person, told('gone', { title: 'quince' }), told('stays'));
    expect((await api('/context/gone', person.key, { method: 'DELETE' })).status).toBeLessThan(300);
    expect((await api('/context/gone', person.key)).status).toBe(404);
    const history = await api('/context/history', person.key);
    expect(history.text).not.toContain('quince');
    using socket = await openContexts(person);
    await say(socket, { type: 'subscribe', channels: ['user-contexts'], after: 0 });
    await sync(person, told('next'));
    const all = await socket.when(() => {
      const heard = socket.messages.flatMap(({ type, sequenceNumber }) =>
        type === 'state-update' ? [sequenceNumber as number] : [],
      );
      return JSON.stringify(socket.messages).includes('next') ? heard : undefined;
    }, 'the next event');
    expect(all.at(-1)).toBeGreaterThanOrEqual(3);
    expect(JSON.stringify(socket.messages)).not.toContain('quince');
  });

  test('P-445 what is another’s looks as if it did not exist', async () => {
    const [ann, bob] = [await makePerson(), await makePerson()];
    await sync(ann, told('mine'));
    expect((await api('/context/mine', bob.key)).status).toBe(404);
    expect((await api(`/context/mine?userId=${ann.user}`, bob.key)).status).toBeGreaterThanOrEqual(400);
    const name = `contexts/${ann.user}/user-contexts`;
    expect((await ask(`/v1/streams/${name}`, { key: bob.key })).status).toBe(404);
    expect((await api(`/context/mine?userId=${ann.user}`)).status).toBe(200);
  });

  test('P-450 who is here is listed, and told when it changes', async () => {
    const person = await makePerson();
    using reader = await openEvents('/api/v1/presence', { key: person.key });
    await reader.named('snapshot');
    using _socket = await openContexts(person, 'user-contexts');
    await reader.named('presence');
    const listed = await api('/presence', person.key);
    expect(listed.text).toContain(person.user);
    const hearing = await api('/channels/user-contexts/presence', person.key);
    expect(hearing.status).toBe(200);
  });
});
