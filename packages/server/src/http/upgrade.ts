import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Principal } from '../access/principal.ts';
import type { Access } from './router.ts';

/** What a transport adds its WebSocket paths to. A plain GET on such a path answers 426, unless a route takes it. */
export interface UpgradeRouter {
  onUpgrade(route: UpgradeRoute): void;
}

export interface UpgradeRoute {
  /** Like a route's: `/computers/:id/ws`. */
  readonly path: string;
  readonly access: Access;
  /** Whether `?token=` counts as a key here (D-23: the computers' and cameras' sockets). Default false. */
  readonly tokenInQuery?: boolean;
  /** Whether the console's cookie counts here (the contexts' socket ignores it, D-20). Default true. */
  readonly cookies?: boolean;
  /**
   * Takes the socket over. What it throws before it has written anything is answered like any failed request,
   * in the shape of the path; afterwards the socket is destroyed.
   */
  handle(upgrade: Upgrade): void | Promise<void>;
}

/** A request to speak WebSocket, after host, path and credential were checked. */
export interface Upgrade {
  /** `req_` and 20 characters. */
  readonly id: string;
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  /** What the client sent behind the request's head already. */
  readonly head: Buffer;
  readonly params: Readonly<Record<string, string>>;
  /** Credentials (`ticket`, `token`) are taken out. */
  readonly query: URLSearchParams;
  readonly address: string;
  readonly principal: Principal | undefined;
}
