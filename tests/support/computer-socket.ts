import type { ComputerEvent } from './computers.ts';
import type { TestServer } from './server.ts';
import type { SocketClose } from './socket.ts';
import { within } from './within.ts';

/** A client of a computer's socket that keeps every message. */
export class ComputerSocket implements Disposable {
  readonly messages: ComputerEvent[] = [];
  readonly binary: Buffer[] = [];
  readonly socket: WebSocket;
  readonly #closed: Promise<SocketClose>;
  readonly #waiting = new Set<() => void>();

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.binaryType = 'arraybuffer';
    socket.addEventListener('message', (event: MessageEvent<unknown>) => {
      if (typeof event.data === 'string') this.messages.push(JSON.parse(event.data) as ComputerEvent);
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

  /** The first message of a type that fits; waits for it. */
  next(type: string, fits: (message: ComputerEvent) => boolean = () => true): Promise<ComputerEvent> {
    return this.#when(
      () => this.messages.find((message) => message.type === type && fits(message)),
      `a message ${type}`,
    );
  }

  /** The n-th message, from 0, whatever it is. */
  message(n: number): Promise<ComputerEvent> {
    return this.#when(() => this.messages[n], `message ${n}`);
  }

  /** Asks for an action, and waits for its result. */
  act(action: Readonly<Record<string, unknown>>, request_id: string): Promise<ComputerEvent> {
    this.send({ ...action, request_id });
    return this.next('action_result', (message) => message['request_id'] === request_id);
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

/** Opens `path` with a token in the URL, as documented; rejects if the handshake is refused. */
export function openPath(server: TestServer, path: string): Promise<ComputerSocket> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}${path}`);
  const client = new ComputerSocket(socket);
  const open = new Promise<ComputerSocket>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(client));
    socket.addEventListener('error', () => reject(new Error('the handshake was refused')));
  });
  return within(open, 'the socket to open');
}

/** Opens the socket of a computer. `query` begins with `&` if it is not empty. */
export function openComputerSocket(
  server: TestServer,
  id: string,
  token: string = server.key,
  query: string = '',
): Promise<ComputerSocket> {
  return openPath(server, `/v1/computers/${id}/ws?token=${token}${query}`);
}
