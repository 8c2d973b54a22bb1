import type { ServerMessage } from '../../packages/protocol/src/index.ts';
import type { TestServer } from './server.ts';
import { within } from './within.ts';

/** Node's own WebSocket takes headers; its type does not say so. */
type Open = new (url: string, options: { headers: Record<string, string> }) => WebSocket;

export interface SocketClose {
  readonly code: number;
  readonly reason: string;
}

/** A client of `/v1/socket` that keeps every message. */
export class SocketClient implements Disposable {
  readonly messages: ServerMessage[] = [];
  readonly binary: Buffer[] = [];
  readonly socket: WebSocket;
  readonly #closed: Promise<SocketClose>;
  readonly #waiting = new Set<() => void>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', (event: MessageEvent<unknown>) => {
      if (typeof event.data === 'string') this.messages.push(JSON.parse(event.data) as ServerMessage);
      else if (event.data instanceof ArrayBuffer) this.binary.push(Buffer.from(event.data));
      for (const look of this.#waiting) look();
    });
    this.#closed = new Promise((resolve) => {
      socket.addEventListener('close', ({ code, reason }) => resolve({ code, reason }));
    });
  }

  send(message: unknown): void {
    this.socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Waits until a message fits, and gives it. */
  next<T extends ServerMessage['type']>(
    type: T,
    fits: (message: Extract<ServerMessage, { type: T }>) => boolean = () => true,
  ): Promise<Extract<ServerMessage, { type: T }>> {
    const isIt = (message: ServerMessage): message is Extract<ServerMessage, { type: T }> =>
      message.type === type && fits(message as Extract<ServerMessage, { type: T }>);
    return this.#when(() => this.messages.find(isIt), `a message ${type}`);
  }

  /** Waits until the message of that id is answered, whatever with. */
  answer(id: string): Promise<ServerMessage> {
    const find = () => this.messages.find((message) => 'id' in message && message.id === id);
    return this.#when(find, `an answer to ${id}`);
  }

  /** Waits until so many events of a stream have come, and gives all of them. */
  async events(stream: string, count: number): Promise<Extract<ServerMessage, { type: 'events' }>['events']> {
    const all = () =>
      this.messages.flatMap((message) =>
        message.type === 'events' && message.stream === stream ? message.events : [],
      );
    return this.#when(() => (all().length >= count ? all() : undefined), `${count} events of ${stream}`);
  }

  closed(): Promise<SocketClose> {
    return within(this.#closed, 'the socket to close');
  }

  [Symbol.dispose](): void {
    this.socket.close();
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
    return within(promise, () => `${what}; there were ${JSON.stringify(this.messages.slice(-5))}`);
  }
}

/** Opens a socket with the server's admin key, or another; rejects if the handshake is refused. */
export function openSocket(server: TestServer, key: string = server.key): Promise<SocketClient> {
  return opened(
    new (WebSocket as unknown as Open)(`${server.url.replace('http', 'ws')}/v1/socket`, {
      headers: { 'x-api-key': key },
    }),
  );
}

/** Opens a socket as a browser does that has nothing but a ticket. */
export function openTicketSocket(server: TestServer, ticket: string): Promise<SocketClient> {
  return opened(new WebSocket(`${server.url.replace('http', 'ws')}/v1/socket?ticket=${ticket}`));
}

function opened(socket: WebSocket): Promise<SocketClient> {
  const client = new SocketClient(socket);
  const open = new Promise<SocketClient>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(client));
    socket.addEventListener('error', () => reject(new Error('the handshake was refused')));
  });
  return within(open, 'the socket to open');
}
