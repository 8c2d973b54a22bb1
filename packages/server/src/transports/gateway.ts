import type { AppendMessage, CreateMessage, SubscribeMessage } from '@playhead/protocol';
import type { Principal } from '../access/principal.ts';
import type { Attached, Sink } from '../hub/hub.ts';

/**
 * What a transport may ask of the streams, for somebody: every call checks the scope, stays within the caller's
 * tenant, and throws a PlayheadError for what is refused.
 */
export interface Gateway {
  /** Like the hub's attach; needs `streams:read`. */
  subscribe(
    principal: Principal,
    wanted: Omit<SubscribeMessage, 'type' | 'id'>,
    sink: Sink,
  ): Promise<Attached>;
  /** Needs `streams:write`, as the others below. Calls made one after the other are applied in that order. */
  append(principal: Principal, wanted: Omit<AppendMessage, 'type' | 'id'>): Promise<AppendAnswer>;
  create(principal: Principal, wanted: Omit<CreateMessage, 'type' | 'id'>): Promise<CreateAnswer>;
  close(principal: Principal, stream: string): Promise<void>;
  delete(principal: Principal, stream: string): Promise<void>;
  /** See the log's `room`: while it is a promise, what appends is not read. */
  room(): Promise<void> | undefined;
}

export interface AppendAnswer {
  /** Of the last event. */
  readonly position: string;
  /** This writer's sequence was committed before: nothing was added. */
  readonly repeated: boolean;
}

export interface CreateAnswer {
  readonly existed: boolean;
  /** The latest position. */
  readonly position: string;
  readonly closed: boolean;
}
