import { PlayheadError, type ProblemCode } from '@playhead/protocol';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Hub } from '../../hub/hub.ts';
import type { Upgrade, UpgradeRouter } from '../../http/upgrade.ts';
import type { ContentGateway, Gateway } from '../gateway.ts';
import type { SocketFace, SocketFaces } from '../socket-face.ts';
import type { Terminals } from '../terminals.ts';
import { FaceSession, type FaceSessionParts } from './face-session.ts';
import { agreedProtocol, shakeHands } from './handshake.ts';
import { SocketSession, type SocketSessionParts } from './socket-session.ts';
import { WebSocketConnection } from './web-socket.ts';

export interface SocketTransportParts extends SocketSettings {
  readonly hub: Hub;
  readonly gateway: Gateway;
  readonly content: ContentGateway;
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
  /** Adds `/v1/socket`. */
  mount(router: UpgradeRouter): void;
  /** What serves the surfaces of producers, on their own paths. */
  faces(router: UpgradeRouter): SocketFaces;
  /** Closes every socket, retryable: the server goes away. */
  drain(): void;
}

/** What the transport asks of a session, whoever speaks on it. */
interface Session {
  readonly connection: WebSocketConnection | undefined;
  isStalled(now: number, patienceMs: number): boolean;
  end(code: ProblemCode, reason: string): void;
}

/** The WebSocket transport: `/v1/socket`, as PROTOCOL.md says, and the documented surfaces (socket-face.ts). */
export function createSocketTransport(parts: SocketTransportParts): SocketTransport {
  const { hub, gateway, content, terminals, clock, logger } = parts;
  const sessions = new Set<Session>();
  const limits = { subscriptions: parts.subscriptions, unanswered: UNANSWERED };
  const failed = (error: unknown): PlayheadError => {
    logger.error({ err: error }, 'a message failed');
    return new PlayheadError('internal', 'The server failed. Its log says why.', { cause: error });
  };
  const closed = (ended: Session): void => void sessions.delete(ended);
  const shared: SocketSessionParts = { gateway, content, terminals, clock, limits, failed, closed };
  const sharedByFaces: FaceSessionParts = { hub, clock, failed, closed };
  let draining = false;

  // One timer for all sockets, four ticks to a heartbeat, so that a peer is noticed gone not much too late.
  const ticking = clock.every(parts.heartbeatMs / 4, () => {
    for (const session of sessions) {
      session.connection?.tick(4, 12);
      if (session.isStalled(clock.now(), parts.paceMs)) session.end('overloaded', 'no pong: reconnect');
    }
  });

  function begin(
    { request, socket, head }: Upgrade,
    session: SocketSession | FaceSession,
    messageBytes: number,
    protocol?: string,
  ): void {
    if (draining) throw new PlayheadError('draining', 'The server is going away. Reconnect.');
    const wrong = shakeHands(request, socket, protocol);
    if (wrong !== undefined) throw new PlayheadError('invalid-request', wrong);
    const connection = new WebSocketConnection(socket, messageBytes, session);
    sessions.add(session);
    session.attach(connection);
    connection.unshift(head);
  }

  async function serve(face: SocketFace, upgrade: Upgrade): Promise<void> {
    const { request, id, params, query, address, principal } = upgrade;
    const { origin } = request.headers;
    const protocol = agreedProtocol(request, face.protocols ?? []);
    const opening = await face.admit({ id, params, query, address, principal, origin, protocol });
    begin(
      upgrade,
      new FaceSession(sharedByFaces, opening),
      face.messageBytes ?? parts.messageBytes,
      protocol,
    );
  }

  return {
    mount(router) {
      router.onUpgrade({
        path: '/v1/socket',
        access: 'authenticated',
        handle(upgrade) {
          const { principal } = upgrade;
          if (principal === undefined) throw new PlayheadError('unauthenticated', 'Send a key, or a ticket.');
          begin(upgrade, new SocketSession(shared, principal), parts.messageBytes);
        },
      });
    },
    faces: (router) => ({
      serve(face) {
        const { access, tokenInQuery, cookies } = face;
        for (const path of face.paths) {
          router.onUpgrade({
            path,
            access,
            ...(tokenInQuery === undefined ? {} : { tokenInQuery }),
            ...(cookies === undefined ? {} : { cookies }),
            handle: (upgrade) => serve(face, upgrade),
          });
        }
      },
    }),
    drain() {
      draining = true;
      for (const session of sessions) session.end('draining', 'the server is going away');
    },
    [Symbol.dispose]() {
      ticking[Symbol.dispose]();
    },
  };
}
