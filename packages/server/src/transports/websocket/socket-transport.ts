import { PlayheadError } from '@playhead/protocol';
import type { UpgradeRouter } from '../../http/upgrade.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Gateway } from '../gateway.ts';
import type { Terminals } from '../terminals.ts';
import { shakeHands } from './handshake.ts';
import { SocketSession, type SocketSessionParts } from './socket-session.ts';
import { WebSocketConnection } from './web-socket.ts';

export interface SocketTransportParts extends SocketSettings {
  readonly gateway: Gateway;
  readonly terminals: Terminals;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface SocketSettings {
  /** A silent peer is pinged after about this many ms, and cut off after three times as many. */
  readonly heartbeatMs: number;
  /** How long a viewer may leave a frame unanswered, ms (D-29). */
  readonly paceMs: number;
  /** Bytes of one message. */
  readonly messageBytes: number;
  /** Subscriptions of one socket. */
  readonly subscriptions: number;
}

/** Requests of one socket that were not answered yet; beyond it the socket is not read. */
const UNANSWERED = 1024;

export interface SocketTransport extends Disposable {
  mount(router: UpgradeRouter): void;
  /** Closes every socket, retryable: the server goes away. */
  drain(): void;
}

/** The WebSocket transport: `/v1/socket`, as PROTOCOL.md says. */
export function createSocketTransport(parts: SocketTransportParts): SocketTransport {
  const { gateway, terminals, clock, logger } = parts;
  const sessions = new Set<SocketSession>();
  const limits = { subscriptions: parts.subscriptions, unanswered: UNANSWERED };
  const shared: SocketSessionParts = {
    gateway,
    terminals,
    limits,
    failed(error) {
      logger.error({ err: error }, 'a message failed');
      return new PlayheadError('internal', 'The server failed. Its log says why.', { cause: error });
    },
    closed: (ended) => sessions.delete(ended),
  };
  let draining = false;

  // One timer for all sockets, four ticks to a heartbeat, so that a peer is noticed gone not much too late.
  const ticking = clock.every(parts.heartbeatMs / 4, () => {
    for (const session of sessions) {
      session.connection?.tick(4, 12);
      if (session.isStalled(clock.now(), parts.paceMs)) session.end('overloaded', 'no pong: reconnect');
    }
  });

  return {
    mount(router) {
      router.onUpgrade({
        path: '/v1/socket',
        access: 'authenticated',
        handle({ request, socket, head, principal }) {
          if (principal === undefined) throw new PlayheadError('unauthenticated', 'Send a key, or a ticket.');
          if (draining) throw new PlayheadError('draining', 'The server is going away. Reconnect.');
          const wrong = shakeHands(request, socket);
          if (wrong !== undefined) throw new PlayheadError('invalid-request', wrong);
          const session = new SocketSession(shared, principal);
          const connection = new WebSocketConnection(socket, parts.messageBytes, session);
          sessions.add(session);
          session.attach(connection);
          connection.unshift(head);
        },
      });
    },
    drain() {
      draining = true;
      for (const session of sessions) session.end('draining', 'the server is going away');
    },
    [Symbol.dispose]() {
      ticking[Symbol.dispose]();
    },
  };
}
