import {
  PlayheadError,
  type ReadMessage,
  type ServerMessage,
  type SubscribeMessage,
} from '@playhead/protocol';
import type { Principal } from '../../access/principal.ts';
import type { Subscription } from '../../hub/hub.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { ContentGateway, Gateway } from '../gateway.ts';
import type { Terminals } from '../terminals.ts';
import { contentSink } from './content-sink.ts';
import type { Pacer } from './pacer.ts';
import { StreamSink } from './stream-sink.ts';
import type { WebSocketConnection } from './web-socket.ts';

export interface SubscriptionsParts {
  readonly principal: Principal;
  readonly gateway: Gateway;
  readonly content: ContentGateway;
  readonly terminals: Terminals;
  readonly connection: WebSocketConnection;
  readonly pacer: Pacer;
  readonly clock: Clock;
  /** Subscriptions at once. */
  readonly limit: number;
  readonly send: (message: ServerMessage) => void;
}

/** The subscriptions of one socket: at most one per stream, each a cursor of its own. */
export interface SocketSubscriptions extends Disposable {
  /** Begins one; what the client is told of it begins with its receipt. Throws what is refused. */
  add(wanted: SubscribeMessage): Promise<void>;
  /** Begins to read content, and answers it. Throws what is refused. */
  read(wanted: ReadMessage): Promise<void>;
  /** Ends one, if there is one. */
  remove(stream: string): void;
  /** The socket takes bytes again, or a viewer has seen a frame. */
  resume(): void;
}

/** A subscription that is being attached. It counts, so that a thousand subscribes at once meet the limit too. */
type Pending = Readonly<Record<never, never>>;

export function createSubscriptions(parts: SubscriptionsParts): SocketSubscriptions {
  const { principal, gateway, content, terminals, connection, pacer, clock, limit, send } = parts;
  const pendings = new WeakSet<Pending>();
  const subscriptions = new Map<string, Subscription | Pending>();
  let disposed = false;

  function reserve(stream: string): Pending {
    if (subscriptions.has(stream))
      throw new PlayheadError('conflict', 'This socket is subscribed to that stream already.');
    if (subscriptions.size >= limit) {
      throw new PlayheadError('overloaded', `A socket has at most ${limit} subscriptions: open another.`);
    }
    const pending: Pending = {};
    pendings.add(pending);
    subscriptions.set(stream, pending);
    return pending;
  }

  /** Unless it was ended meanwhile, and perhaps another begun. */
  function keep(stream: string, pending: Pending, subscription: Subscription): void {
    if (disposed || subscriptions.get(stream) !== pending) subscription[Symbol.dispose]();
    else subscriptions.set(stream, subscription);
  }

  function forget(stream: string, pending: Pending): void {
    if (subscriptions.get(stream) === pending) subscriptions.delete(stream);
  }

  function attached(): Subscription[] {
    return [...subscriptions.values()].filter((each): each is Subscription => !pendings.has(each));
  }

  function remove(stream: string): void {
    const found = subscriptions.get(stream);
    subscriptions.delete(stream);
    if (found !== undefined && Symbol.dispose in found) found[Symbol.dispose]();
  }

  async function subscribe(wanted: SubscribeMessage, pending: Pending): Promise<void> {
    const { stream } = wanted;
    const screen = wanted.after === 'screen' ? await terminals.screen(principal, stream) : undefined;
    const found = await gateway.subscribe(
      principal,
      screen === undefined ? wanted : { ...wanted, after: screen.position },
      new StreamSink({
        ...{ stream, connection, clock, screen, send },
        pacer: wanted.delivery === 'latest' ? pacer : undefined,
        over: () => void subscriptions.delete(stream),
      }),
    );
    switch (found.kind) {
      case 'attached':
        keep(stream, pending, found.subscription);
        return;
      case 'finished':
        forget(stream, pending);
        if (screen !== undefined) send({ type: 'snapshot', stream, ...screen });
        send({ type: 'end', stream, reason: 'finished' });
        return;
      case 'missing':
        throw new PlayheadError('stream-not-found', 'There is no such stream.');
      case 'draining':
        throw goingAway();
    }
  }

  async function read(wanted: ReadMessage, pending: Pending): Promise<void> {
    const { stream, id, live = false } = wanted;
    const over = (): void => remove(stream);
    const found = await content.read(principal, wanted, (begun) =>
      contentSink({ stream, id, live, connection, send, over }, begun),
    );
    switch (found.kind) {
      case 'attached':
        keep(stream, pending, found.subscription);
        return;
      case 'over':
        forget(stream, pending);
        send({ type: 'end', stream, reason: found.reason });
        return;
      case 'draining':
        throw goingAway();
    }
  }

  async function begin(stream: string, beginning: (pending: Pending) => Promise<void>): Promise<void> {
    const pending = reserve(stream);
    try {
      await beginning(pending);
    } catch (error) {
      forget(stream, pending);
      throw error;
    }
  }

  return {
    add: (wanted) => begin(wanted.stream, (pending) => subscribe(wanted, pending)),
    read: (wanted) => begin(wanted.stream, (pending) => read(wanted, pending)),
    remove,
    resume() {
      if (connection.blocked) return;
      for (const subscription of attached()) subscription.resume();
    },
    [Symbol.dispose]() {
      disposed = true;
      for (const subscription of attached()) subscription[Symbol.dispose]();
      subscriptions.clear();
    },
  };
}

function goingAway(): PlayheadError {
  return new PlayheadError('draining', 'The server is going away. Reconnect with the same position.');
}
