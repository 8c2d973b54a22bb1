import type { Scope } from '../access/principal.ts';
import type { Handler } from './exchange.ts';

/** What a face adds its paths to. */
export interface Router {
  add(route: Route): void;
}

export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/projects/:id/shell`; a trailing `*` takes the rest of the path. */
  readonly path: string;
  readonly access: Access;
  /** Bytes of body that are accepted. Default 1 MiB. */
  readonly bodyLimit?: number;
  /** `silent`: answers do not tell what is left of the caller's rate, where that would be a good part of them. */
  readonly allowance?: 'silent';
  readonly handle: Handler;
}

export type Access =
  /** Anybody; credentials are not looked at. */
  | 'public'
  /** Anybody, but a credential that is sent must be valid: the handler decides what an unknown caller gets. */
  | 'optional'
  /** Any valid key. */
  | 'authenticated'
  /**
   * A valid key with this scope. `ticketFor` names the path parameter that holds a stream's name: a ticket bound to
   * that stream is admitted, too. Without it no such ticket is.
   */
  | { readonly scope: Scope; readonly ticketFor?: string };
