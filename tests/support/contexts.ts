import { randomUUID } from 'node:crypto';
import { type HeardSocket, type NextMessage, nextOf, openHeardSocket } from './heard-socket.ts';
import { type Answer, type Envelope, request } from './request.ts';
import type { TestServer } from './server.ts';

/** Anything that the contexts' socket says. */
export interface Said {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** Of an event's data what tests look at. */
export interface EventData {
  readonly contextId?: string;
  readonly tabId?: number;
  readonly [member: string]: unknown;
}

/** The documented message that carries an event. */
export interface StateUpdate extends Said {
  readonly type: 'state-update';
  readonly channel: string;
  readonly event: {
    readonly id: string;
    readonly timestamp: string;
    readonly userId: string;
    readonly channelId: string;
    readonly source: Record<string, unknown>;
    readonly payload: { readonly kind: string; readonly data: EventData; readonly context?: unknown };
  };
  readonly publishedAt: string;
  readonly sequenceNumber: number;
}

export interface OpenOptions {
  readonly path?: '/' | '/ws';
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client of the contexts' socket that keeps every message. */
export interface ContextsSocket extends HeardSocket<Said> {
  readonly open: boolean;
  /** The first message that fits, among those from index `from` on; waits for it. */
  readonly next: NextMessage<Said>;
  /** Sends a request and gives what answers it, whatever that is. */
  ask(message: object): Promise<Said>;
  /** Signs in; throws unless it is answered by success. */
  auth(token: string, userId: string, more?: object): Promise<Said>;
  /** Subscribes; throws unless every channel was joined. */
  subscribe(...channels: string[]): Promise<Said>;
  /** Of a channel, what has come so far. */
  updates(channel: string): StateUpdate[];
  /** Waits until a channel has brought so many events, and gives all of them. */
  events(channel: string, count: number): Promise<StateUpdate[]>;
}

/** Opens a socket and waits for its welcome; rejects if the handshake is refused. */
export async function openContexts(server: TestServer, options: OpenOptions = {}): Promise<ContextsSocket> {
  const { path = '/', headers = {} } = options;
  const client = contextsSocket(await openHeardSocket(`${server.url}${path}`, { headers }));
  await client.next('welcome');
  return client;
}

function contextsSocket(heard: HeardSocket<Said>): ContextsSocket {
  const { socket, messages, send, when } = heard;
  const ask = (message: object): Promise<Said> => {
    const requestId = randomUUID();
    send({ ...message, requestId });
    return when(
      () => messages.find((each) => each['requestId'] === requestId),
      `an answer to ${JSON.stringify(message).slice(0, 200)}`,
    );
  };
  const updates = (channel: string): StateUpdate[] =>
    messages.filter(
      (each): each is StateUpdate => each.type === 'state-update' && each['channel'] === channel,
    );
  return {
    ...heard,
    get open() {
      return socket.readyState === WebSocket.OPEN;
    },
    next: nextOf(heard),
    ask,
    async auth(token, userId, more = {}) {
      const answer = await ask({ type: 'auth', token, userId, ...more });
      if (answer['success'] !== true) throw new Error(`refused: ${JSON.stringify(answer)}`);
      return answer;
    },
    async subscribe(...channels) {
      const answer = await ask({ type: 'subscribe', channels });
      if (answer.type !== 'subscription-confirmed') throw new Error(`refused: ${JSON.stringify(answer)}`);
      return answer;
    },
    updates,
    events: (channel, count) =>
      when(
        () => (updates(channel).length >= count ? updates(channel) : undefined),
        `${count} events of ${channel}`,
      ),
  };
}

/** A key of one user. */
export async function userKey(server: TestServer, user: string, more: object = {}): Promise<string> {
  const body = { name: `contexts-${user}`, scopes: ['contexts:write'], user_id: user, ...more };
  const answer = await request(server, '/keys', { method: 'POST', body });
  if (answer.status !== 201) throw new Error(`no key: ${answer.status} ${answer.text}`);
  return answer.json<Envelope<{ key: string }>>().data.key;
}

/** A connection that has signed in as a user and joined channels. */
export async function device(
  server: TestServer,
  key: string,
  user: string,
  ...channels: string[]
): Promise<ContextsSocket> {
  const socket = await openContexts(server);
  await socket.auth(key, user);
  if (channels.length > 0) await socket.subscribe(...channels);
  return socket;
}

/** A sync message with a context. */
export function contextMessage(id: string, more: object = {}, type: string = 'create'): object {
  return {
    id: randomUUID(),
    type,
    timestamp: new Date().toISOString(),
    extensionId: 'ext_1',
    payload: {
      type: 'context',
      operation: type,
      context: {
        id,
        type: 'page',
        privacyLevel: 'public',
        tabId: 1,
        url: `https://example.com/${id}`,
        title: id,
        ...more,
      },
    },
  };
}

/** A sync message about a tab. */
export function tabMessage(
  type: 'activate' | 'deactivate' | 'navigate' | 'delete',
  tabId: number,
  more: object = {},
): object {
  return {
    id: randomUUID(),
    type,
    timestamp: new Date().toISOString(),
    extensionId: 'ext_1',
    payload: { type: type === 'navigate' ? 'navigation' : 'tab', tabId, ...more },
  };
}

/** Stores messages over REST; throws unless all were taken. */
export async function sync(server: TestServer, key: string, ...messages: object[]): Promise<Answer> {
  const answer = await request(server, '/api/v1/context/sync', { method: 'POST', key, body: { messages } });
  if (answer.status !== 200 || answer.json<{ failed: number }>().failed > 0)
    throw new Error(`not synced: ${answer.status} ${answer.text}`);
  return answer;
}
