import { createHeard, type Heard } from './heard.ts';
import { within } from './within.ts';

export interface SocketClose {
  readonly code: number;
  readonly reason: string;
}

/** A WebSocket that keeps every message. `M` is what its text messages are, taken as JSON. */
export interface HeardSocket<M> extends Pick<Heard, 'when'>, Disposable {
  readonly socket: WebSocket;
  /** The same as `messages`, as they came. */
  readonly texts: readonly string[];
  readonly messages: readonly M[];
  readonly binary: readonly Buffer[];
  /** Sends a text as it is, and anything else as JSON. */
  send(message: unknown): void;
  /** How it was closed; waits for it. */
  closed(): Promise<SocketClose>;
}

export interface SocketOptions {
  readonly headers?: Readonly<Record<string, string>>;
  readonly protocols?: readonly string[];
}

/** Node's own WebSocket takes headers; its type does not say so. */
type Open = new (url: string, options: { headers: Record<string, string>; protocols: string[] }) => WebSocket;

/** Opens a socket at an `http:` URL; rejects if the handshake is refused. */
export function openHeardSocket<M>(url: string, options: SocketOptions = {}): Promise<HeardSocket<M>> {
  const { headers = {}, protocols = [] } = options;
  const socket = new (WebSocket as unknown as Open)(url.replace('http', 'ws'), {
    headers: { ...headers },
    protocols: [...protocols],
  });
  const heard = hear<M>(socket);
  const open = new Promise<HeardSocket<M>>((resolve, reject) => {
    socket.addEventListener('open', () => resolve(heard));
    socket.addEventListener('error', () => reject(new Error('the handshake was refused')));
  });
  return within(open, `the socket ${new URL(url).pathname} to open`);
}

function hear<M>(socket: WebSocket): HeardSocket<M> {
  const texts: string[] = [];
  const messages: M[] = [];
  const binary: Buffer[] = [];
  const said = (): string =>
    [...texts.slice(-5).map((text) => text.slice(0, 400)), `${binary.length} binary`].join('\n');
  const heard = createHeard(said);
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    if (typeof data === 'string') {
      texts.push(data);
      messages.push(JSON.parse(data) as M);
    } else if (data instanceof ArrayBuffer) binary.push(Buffer.from(data));
    heard.came();
  });
  const closed = new Promise<SocketClose>((resolve) => {
    socket.addEventListener('close', ({ code, reason }) => {
      resolve({ code, reason });
      heard.over(`the socket was closed (${code} ${reason})`);
    });
  });
  return {
    ...{ socket, texts, messages, binary },
    when: heard.when,
    send: (message) => socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    closed: () => within(closed, () => `the socket to close; it said\n${said()}`),
    [Symbol.dispose]: () => socket.close(),
  };
}

/** Waits for the first message of a type that fits, among those from index `from` on. */
export type NextMessage<M extends { readonly type: string }> = <T extends M['type']>(
  type: T,
  fits?: (message: M & { readonly type: T }) => boolean,
  from?: number,
) => Promise<M & { readonly type: T }>;

export function nextOf<M extends { readonly type: string }>({
  messages,
  when,
}: Pick<HeardSocket<M>, 'messages' | 'when'>): NextMessage<M> {
  return (type, fits = () => true, from = 0) => {
    const isIt = (message: M): message is M & { readonly type: typeof type } =>
      message.type === type && fits(message as M & { readonly type: typeof type });
    return when(() => messages.slice(from).find(isIt), `a message ${type}`);
  };
}
