import type { ProcessChannel } from '../../../launcher/launcher.ts';
import {
  type CdpEvent,
  CdpFailure,
  type CdpMethod,
  type CdpParams,
  type CdpPayload,
  type CdpResult,
} from './cdp.ts';
import { createMessageSplitter } from './message-splitter.ts';

/** A message that is longer ends the connection: a browser that sends such is not to be believed. */
const MESSAGE_MAX = 256 * 1024 * 1024;

/**
 * The two pipes to a browser, and the sessions that share them: the browser itself, and one for each target that is
 * attached. Events come in the order in which they were sent, each handled before the next is looked at.
 *
 * What nobody listens to, and what a listener does not admit, is skipped unparsed: a page decides how much of it there
 * is, so it must cost next to nothing.
 */
export interface CdpConnection {
  /** The browser itself. */
  readonly root: CdpSession;
  /** The session of that id; the same one again. Listen in the turn in which it is told, so that nothing is missed. */
  session(id: string): CdpSession;
  /** The session is no more: what it was asked fails as `gone`. */
  drop(id: string): void;
  /** Resolves when the pipes are closed, from either side. Then everything fails as `gone`. */
  readonly closed: Promise<void>;
  close(): void;
}

export interface CdpSession {
  /** Undefined: the browser itself. */
  readonly id: string | undefined;
  /** Rejects with `CdpFailure`, and with nothing else. */
  send<M extends CdpMethod>(method: M, params?: CdpParams<M>): Promise<CdpResult<M>>;
  /** Sends what nobody waits for. */
  tell<M extends CdpMethod>(method: M, params?: CdpParams<M>): void;
  /** One listener an event; the last counts. `admit` is asked before the event is parsed. */
  on<E extends CdpEvent>(event: E, listener: (payload: CdpPayload<E>) => void, admit?: () => boolean): void;
  off(event: CdpEvent): void;
}

interface Listener {
  readonly admit: (() => boolean) | undefined;
  readonly call: (payload: unknown) => void;
}

interface Session extends CdpSession {
  readonly listeners: Map<string, Listener>;
  gone: boolean;
}

interface Pending {
  readonly session: Session;
  resolve(result: unknown): void;
  reject(failure: CdpFailure): void;
}

interface Answer {
  readonly id?: number;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly message?: string };
}

const EVENT = '{"method":"';
const SESSION = '"sessionId":"';
/** Names of events are shorter, and so are ids of sessions. */
const NAME_MAX = 80;

export function connectCdp(channel: ProcessChannel): CdpConnection {
  const sessions = new Map<string, Session>();
  const pending = new Map<number, Pending>();
  const { promise: closed, resolve: resolveClosed } = Promise.withResolvers<void>();
  let lastId = 0;
  let open = true;

  function post(session: Session, method: string, params: unknown, wait?: Omit<Pending, 'session'>): void {
    if (!open || session.gone) {
      wait?.reject(new CdpFailure('gone', `${method}: it is gone.`));
      return;
    }
    const id = ++lastId;
    if (wait !== undefined) pending.set(id, { session, ...wait });
    channel.input.write(`${JSON.stringify({ id, method, params, sessionId: session.id })}\0`);
  }

  function receive(bytes: Buffer): void {
    if (bytes.toString('latin1', 0, EVENT.length) === EVENT) hear(bytes);
    else settle(parse(bytes));
  }

  function settle({ id, result, error }: Answer): void {
    const waiting = id === undefined ? undefined : pending.get(id);
    if (id === undefined || waiting === undefined) return;
    pending.delete(id);
    if (error === undefined) waiting.resolve(result);
    else waiting.reject(new CdpFailure('refused', error.message ?? 'The browser refuses.'));
  }

  function hear(bytes: Buffer): void {
    const head = bytes.toString('latin1', EVENT.length, EVENT.length + NAME_MAX);
    const session = sessionOf(bytes);
    const listener = session?.listeners.get(head.slice(0, head.indexOf('"')));
    if (listener === undefined || listener.admit?.() === false) return;
    listener.call(parse(bytes).params);
  }

  function sessionOf(bytes: Buffer): Session | undefined {
    const tail = bytes.toString('latin1', Math.max(0, bytes.length - NAME_MAX));
    // The id of the session is the last member of the message itself, or there is none.
    if (!tail.endsWith('"}')) return root;
    return sessions.get(tail.slice(tail.lastIndexOf(SESSION) + SESSION.length, -2));
  }

  function fail(which: (waiting: Pending) => boolean): void {
    for (const [id, waiting] of pending) {
      if (!which(waiting)) continue;
      pending.delete(id);
      waiting.reject(new CdpFailure('gone', 'It is gone.'));
    }
  }

  function close(): void {
    if (!open) return;
    open = false;
    channel.input.destroy();
    channel.output.destroy();
    fail(() => true);
    resolveClosed();
  }

  function createSession(id: string | undefined): Session {
    const session: Session = {
      id,
      listeners: new Map(),
      gone: false,
      send: <M extends CdpMethod>(method: M, params?: CdpParams<M>) =>
        new Promise<CdpResult<M>>((resolve, reject) => {
          // What the browser answers is what the protocol says it does.
          post(session, method, params, { resolve: (result) => resolve(result as CdpResult<M>), reject });
        }),
      tell(method, params) {
        post(session, method, params);
      },
      on<E extends CdpEvent>(event: E, listener: (payload: CdpPayload<E>) => void, admit?: () => boolean) {
        session.listeners.set(event, { admit, call: (payload) => listener(payload as CdpPayload<E>) });
      },
      off(event) {
        session.listeners.delete(event);
      },
    };
    return session;
  }

  const root = createSession(undefined);
  const splitter = createMessageSplitter(MESSAGE_MAX, receive);
  channel.output.on('data', (piece: Buffer) => {
    if (open && !splitter.feed(piece)) close();
  });
  for (const end of [channel.input, channel.output]) end.on('error', close).on('close', close);

  return {
    root,
    session(id) {
      const known = sessions.get(id);
      if (known !== undefined) return known;
      const session = createSession(id);
      sessions.set(id, session);
      return session;
    },
    drop(id) {
      const session = sessions.get(id);
      if (session === undefined) return;
      session.gone = true;
      sessions.delete(id);
      fail((waiting) => waiting.session === session);
    },
    closed,
    close,
  };
}

function parse(bytes: Buffer): Answer {
  return JSON.parse(bytes.toString()) as Answer;
}
