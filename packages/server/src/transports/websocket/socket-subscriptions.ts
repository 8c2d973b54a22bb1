import { PlayheadError, type ServerMessage, type SubscribeMessage } from '@playhead/protocol';
import type { Principal } from '../../access/principal.ts';
import type { Encoding, Sink, Subscription } from '../../hub/hub.ts';
import type { Gateway } from '../gateway.ts';
import type { Screen, Terminals } from '../terminals.ts';
import type { Pacer } from './pacer.ts';
import { sharedEncoding } from './socket-encoding.ts';
import type { WebSocketConnection } from './web-socket.ts';

export interface SubscriptionsParts {
  readonly principal: Principal;
  readonly gateway: Gateway;
  readonly terminals: Terminals;
  readonly connection: WebSocketConnection;
  readonly pacer: Pacer;
  /** Subscriptions at once. */
  readonly limit: number;
  readonly send: (message: ServerMessage) => void;
}

/** The subscriptions of one socket: at most one per stream, each a cursor of its own. */
export interface SocketSubscriptions extends Disposable {
  /** Begins one; what the client is told of it begins with its receipt. Throws what is refused. */
  add(wanted: SubscribeMessage): Promise<void>;
  /** Ends one, if there is one. */
  remove(stream: string): void;
  /** The socket takes bytes again, or a viewer has seen a frame. */
  resume(): void;
}

export function createSubscriptions(parts: SubscriptionsParts): SocketSubscriptions {
  const { principal, gateway, terminals, connection, pacer, limit, send } = parts;
  // `null`: being attached. It counts, so that a thousand subscribes at once meet the limit too.
  const subscriptions = new Map<string, Subscription | null>();
  let disposed = false;

  function sinkOf(stream: string, paced: boolean, screen: Screen | undefined): Sink {
    const encoding: Encoding = sharedEncoding(stream);
    let drawn = screen;
    return {
      encoding,
      receipt(receipt) {
        send({ type: 'receipt', stream, ...receipt });
        if (drawn !== undefined) send({ type: 'snapshot', stream, ...drawn });
        drawn = undefined;
      },
      write(chunk) {
        if (!paced) return connection.write(chunk);
        const taken = connection.write(chunk, pacer.mark(Date.now()));
        return taken && pacer.ready;
      },
      end(reason) {
        subscriptions.delete(stream);
        send({ type: 'end', stream, reason });
      },
    };
  }

  return {
    async add(wanted) {
      const { stream } = wanted;
      if (subscriptions.has(stream))
        throw new PlayheadError('conflict', 'This socket is subscribed to that stream already.');
      if (subscriptions.size >= limit) {
        throw new PlayheadError('overloaded', `A socket has at most ${limit} subscriptions: open another.`);
      }
      subscriptions.set(stream, null);
      try {
        const screen = wanted.after === 'screen' ? await terminals.screen(principal, stream) : undefined;
        const attached = await gateway.subscribe(
          principal,
          screen === undefined ? wanted : { ...wanted, after: screen.position },
          sinkOf(stream, wanted.delivery === 'latest', screen),
        );
        switch (attached.kind) {
          case 'attached':
            if (disposed || subscriptions.get(stream) !== null) attached.subscription[Symbol.dispose]();
            else subscriptions.set(stream, attached.subscription);
            return;
          case 'finished':
            subscriptions.delete(stream);
            if (screen !== undefined) send({ type: 'snapshot', stream, ...screen });
            send({ type: 'end', stream, reason: 'finished' });
            return;
          case 'missing':
            throw new PlayheadError('stream-not-found', 'There is no such stream.');
          case 'draining':
            throw new PlayheadError(
              'draining',
              'The server is going away. Reconnect with the same position.',
            );
        }
      } catch (error) {
        subscriptions.delete(stream);
        throw error;
      }
    },
    remove(stream) {
      subscriptions.get(stream)?.[Symbol.dispose]();
      subscriptions.delete(stream);
    },
    resume() {
      if (connection.blocked) return;
      for (const subscription of subscriptions.values()) subscription?.resume();
    },
    [Symbol.dispose]() {
      disposed = true;
      for (const subscription of subscriptions.values()) subscription?.[Symbol.dispose]();
      subscriptions.clear();
    },
  };
}
