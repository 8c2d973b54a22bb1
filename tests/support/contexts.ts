import { randomUUID } from 'node:crypto';
import { type Answer, type Envelope, request } from './request.ts';
import type { TestServer } from './server.ts';
import { type SocketClose } from './socket.ts';
import { within } from './within.ts';

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

type Open = new (url: string, options: { headers: Record<string, string> }) => WebSocket;

export interface OpenOptions {
  readonly path?: '/' | '/ws';
  readonly headers?: Readonly<Record<string, string>>;
}

/** A client of the contexts' socket that keeps every message. */
export class ContextsSocket implements Disposable {
  readonly messages: Said[] = [];
  readonly socket: WebSocket;
  readonly #closed: Promise<SocketClose>;
  readonly #waiting = new Set<() => void>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      this.messages.push(JSON.parse(String(data)) as Said);
      for (const look of this.#waiting) look();
    });
    this.#closed = new Promise((resolve) => {
      socket.addEventListener('close', ({ code, reason }) => {
        resolve({ code, reason });
        for (const look of this.#waiting) look();
      });
    });
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** The first message that fits, among those from index `from` on; waits for it. */
  next(type: string, fits: (message: Said) => boolean = () => true, from: number = 0): Promise<Said> {
    return this.#when(
      () => this.messages.slice(from).find((message) => message.type === type && fits(message)),
      `a message ${type}`,
    );
  }

  /** Sends a request and gives what answers it, whatever that is. */
  ask(message: object): Promise<Said> {
    const requestId = randomUUID();
    this.send({ ...message, requestId });
    return this.#when(
      () => this.messages.find((each) => each['requestId'] === requestId),
      `an answer to ${JSON.stringify(message).slice(0, 200)}`,
    );
  }

  /** Signs in; throws unless it is answered by success. */
  async auth(token: string, userId: string, more: object = {}): Promise<Said> {
    const answer = await this.ask({ type: 'auth', token, userId, ...more });
    if (answer['success'] !== true) throw new Error(`refused: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Subscribes; throws unless every channel was joined. */
  async subscribe(...channels: string[]): Promise<Said> {
    const answer = await this.ask({ type: 'subscribe', channels });
    if (answer.type !== 'subscription-confirmed') throw new Error(`refused: ${JSON.stringify(answer)}`);
    return answer;
  }

  /** Of a channel, what has come so far. */
  updates(channel: string): StateUpdate[] {
    return this.messages.filter(
      (each): each is StateUpdate => each.type === 'state-update' && each['channel'] === channel,
    );
  }

  /** Waits until a channel has brought so many events, and gives all of them. */
  async events(channel: string, count: number): Promise<StateUpdate[]> {
    return this.#when(
      () => (this.updates(channel).length >= count ? this.updates(channel) : undefined),
      `${count} events of ${channel}`,
    );
  }

  closed(): Promise<SocketClose> {
    return within(this.#closed, () => `the socket to close; it said ${this.#tail()}`);
  }

  get open(): boolean {
    return this.socket.readyState === WebSocket.OPEN;
  }

  [Symbol.dispose](): void {
    this.socket.close();
  }

  #tail(): string {
    return this.messages
      .slice(-5)
      .map((message) => JSON.stringify(message).slice(0, 400))
      .join('\n');
  }

  #when<T>(find: () => T | undefined, what: string): Promise<T> {
    const { promise, resolve } = Promise.withResolvers<T>();
    const look = (): void => {
      const found = find();
      if (found === undefined) return;
      this.#waiting.delete(look);
      resolve(found);
    };
    this.#waiting.add(look);
    look();
    return within(promise, () => `${what}; the last messages were\n${this.#tail()}`);
  }
}

/** Opens a socket and waits for its welcome; rejects if the handshake is refused. */
export async function openContexts(server: TestServer, options: OpenOptions = {}): Promise<ContextsSocket> {
  const url = `${server.url.replace('http', 'ws')}${options.path ?? '/'}`;
  const socket = new (WebSocket as unknown as Open)(url, { headers: { ...options.headers } });
  const client = new ContextsSocket(socket);
  const opened = new Promise<void>((resolve, reject) => {
    socket.addEventListener('open', () => resolve());
    socket.addEventListener('error', () => reject(new Error('the handshake was refused')));
  });
  await within(opened, 'the socket to open');
  await client.next('welcome');
  return client;
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
