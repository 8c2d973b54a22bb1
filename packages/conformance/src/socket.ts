import type { ServerMessage } from '@playhead/protocol';
import { target } from './target.ts';
import { within } from './within.ts';

/** Node's own WebSocket takes headers; its type does not say so. */
type Open = new (url: string, options: { headers: Record<string, string> }) => WebSocket;

type Of<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

/** A client of `/v1/socket` that keeps every message. */
export class SocketClient implements Disposable {
  readonly messages: ServerMessage[] = [];
  readonly binary: Buffer[] = [];
  readonly #socket: WebSocket;
  readonly #closed: Promise<number>;
  readonly #waiting = new Set<() => void>();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
      if (typeof data === 'string') this.messages.push(JSON.parse(data) as ServerMessage);
      else if (data instanceof ArrayBuffer) this.binary.push(Buffer.from(data));
      for (const look of this.#waiting) look();
    });
    this.#closed = new Promise((resolve) => {
      socket.addEventListener('close', ({ code }) => resolve(code));
    });
  }

  /** Sends a value as JSON, text and bytes as they are. */
  send(message: unknown): void {
    if (message instanceof Uint8Array) this.#socket.send(new Uint8Array(message));
    else this.#socket.send(typeof message === 'string' ? message : JSON.stringify(message));
  }

  /** Waits until a message fits, and gives it. */
  next<T extends ServerMessage['type']>(
    type: T,
    fits: (message: Of<T>) => boolean = () => true,
  ): Promise<Of<T>> {
    const isIt = (message: ServerMessage): message is Of<T> =>
      message.type === type && fits(message as Of<T>);
    return this.when(() => this.messages.find(isIt), `a message ${type}`);
  }

  /** Sends, and gives what is answered: of this type, or the problem as an error. */
  async ask<T extends ServerMessage['type']>(message: Record<string, unknown>, type: T): Promise<Of<T>> {
    const id = `q${++questions}`;
    this.send({ ...message, id });
    const answer = await this.when(
      () => this.messages.find((each) => 'id' in each && each.id === id),
      `an answer to ${JSON.stringify(message)}`,
    );
    if (answer.type === type) return answer as Of<T>;
    throw new Error(`${JSON.stringify(message)} was answered with ${JSON.stringify(answer)}`);
  }

  /** Sends, and gives the problem that it is answered with. */
  async refused(message: Record<string, unknown>): Promise<Of<'problem'>['problem']> {
    return (await this.ask(message, 'problem')).problem;
  }

  /** The events of a stream, once there are so many. */
  events(stream: string, count: number): Promise<Of<'events'>['events']> {
    const all = () =>
      this.messages.flatMap((message) =>
        message.type === 'events' && message.stream === stream ? message.events : [],
      );
    return this.when(() => (all().length >= count ? all() : undefined), `${count} events of ${stream}`);
  }

  /** The code with which it was closed; waits. */
  closed(): Promise<number> {
    return within(this.#closed, 'the socket to be closed');
  }

  when<T>(find: () => T | undefined, what: string): Promise<T> {
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

  [Symbol.dispose](): void {
    this.#socket.close();
  }
}

let questions = 0;

/** A client of a socket on a path of its own, whose messages have a `type`. */
export interface PathSocket extends Disposable {
  readonly messages: readonly AnyMessage[];
  readonly binary: readonly Buffer[];
  send(message: unknown): void;
  /** The code with which it was closed; waits. */
  closed(): Promise<number>;
  /** The first message of that type that fits; waits for it. */
  message(type: string, fits?: (message: AnyMessage) => boolean): Promise<AnyMessage>;
  when<T>(find: () => T | undefined, what: string): Promise<T>;
}

export type AnyMessage = Readonly<Record<string, unknown>>;

/** Opens a socket whose path and query say all; rejects if the handshake is refused. */
export async function openPath(path: string, protocols: readonly string[] = []): Promise<PathSocket> {
  const client = await opened(new WebSocket(`${target.url.replace(/^http/, 'ws')}${path}`, [...protocols]));
  const all = client.messages as readonly unknown[] as readonly AnyMessage[];
  return {
    messages: all,
    binary: client.binary,
    send: (message) => client.send(message),
    closed: () => client.closed(),
    when: (find, what) => client.when(find, what),
    message(type, fits = () => true) {
      return client.when(
        () => all.find((message) => message['type'] === type && fits(message)),
        `a message ${type}`,
      );
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  };
}

/** Opens a socket with a key; rejects if the handshake is refused. */
export function openSocket(key: string = target.key): Promise<SocketClient> {
  return opened(new (WebSocket as unknown as Open)(socketUrl(''), { headers: { 'x-api-key': key } }));
}

/** Opens a socket with nothing but a ticket. */
export function openTicketSocket(ticket: string): Promise<SocketClient> {
  return opened(new WebSocket(socketUrl(`?ticket=${ticket}`)));
}

function socketUrl(query: string): string {
  return `${target.url.replace(/^http/, 'ws')}/v1/socket${query}`;
}

function opened(socket: WebSocket): Promise<SocketClient> {
  const client = new SocketClient(socket);
  const open = new Promise<SocketClient>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(client));
    socket.addEventListener('error', () => reject(new Error('the handshake was refused')));
  });
  return within(open, 'the socket to open');
}
