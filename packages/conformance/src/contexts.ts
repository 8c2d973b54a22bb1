import { randomBytes, randomUUID } from 'node:crypto';
import { expect } from 'vitest';
import { type Answer, ask } from './ask.ts';
import { makeKey } from './keys.ts';
import { type AnyMessage, openPath, type PathSocket } from './socket.ts';

/** A user that nobody else is, with a key. */
export interface Person {
  readonly user: string;
  readonly key: string;
}

export async function makePerson(): Promise<Person> {
  const user = `conformance-${randomBytes(6).toString('hex')}`;
  const scopes = ['contexts:write', 'streams:read'];
  return { user, key: (await makeKey({ scopes, user_id: user })).key };
}

/** An open socket that was welcomed; with a person, signed in, and on channels. */
export async function openContexts(person?: Person, ...channels: string[]): Promise<PathSocket> {
  const socket = await openPath('/ws');
  await socket.message('welcome');
  if (person !== undefined) {
    const said = await say(socket, { type: 'auth', token: person.key, userId: person.user });
    expect(said).toMatchObject({ type: 'auth_response', success: true });
  }
  if (channels.length > 0) {
    expect(await say(socket, { type: 'subscribe', channels })).toMatchObject({
      type: 'subscription-confirmed',
    });
  }
  return socket;
}

/** Sends a flat message, and gives what answers it. */
export function say(socket: PathSocket, message: object): Promise<AnyMessage> {
  const requestId = randomUUID();
  socket.send({ ...message, requestId });
  return socket.when(
    () => socket.messages.find((each) => each['requestId'] === requestId),
    `an answer to ${JSON.stringify(message)}`,
  );
}

/** The numbers that a channel has brought, once there are so many. */
export async function numbers(socket: PathSocket, channel: string, count: number): Promise<number[]> {
  const all = (): number[] =>
    socket.messages.flatMap((message) =>
      message['type'] === 'state-update' && message['channel'] === channel
        ? [message['sequenceNumber'] as number]
        : [],
    );
  return socket.when(() => (all().length >= count ? all() : undefined), `${count} events of ${channel}`);
}

/** A message about a context. */
export function told(id: string, more: object = {}): object {
  const context = { id, type: 'page', privacyLevel: 'public', tabId: 1, url: `https://example.com/${id}` };
  return {
    id: randomUUID(),
    type: 'create',
    timestamp: new Date().toISOString(),
    extensionId: 'conformance',
    payload: { type: 'context', operation: 'create', context: { ...context, title: id, ...more } },
  };
}

/** Stores messages; each was taken. */
export async function sync({ key }: Person, ...messages: object[]): Promise<Answer> {
  const answer = await api('/context/sync', key, { method: 'POST', body: { messages } });
  expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
  return answer;
}

export function api(
  path: string,
  key?: string,
  options: {
    readonly method?: string;
    readonly body?: unknown;
    readonly headers?: Record<string, string>;
  } = {},
): Promise<Answer> {
  return ask(`/api/v1${path}`, { ...options, ...(key === undefined ? {} : { key }) });
}
