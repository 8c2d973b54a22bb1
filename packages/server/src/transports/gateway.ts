import type {
  AppendMessage,
  CloseMessage,
  Content,
  CreateMessage,
  ReadMessage,
  SubscribeMessage,
} from '@playhead/protocol';
import type { Principal } from '../access/principal.ts';
import type { Attached, Encoding, Sink } from '../hub/hub.ts';

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
  append(principal: Principal, wanted: EventsWanted): Promise<AppendAnswer>;
  create(principal: Principal, wanted: StreamWanted): Promise<CreateAnswer>;
  delete(principal: Principal, stream: string): Promise<void>;
  /** See the log's `room`: while it is a promise, what appends is not read. */
  room(): Promise<void> | undefined;
}

export type EventsWanted = Pick<AppendMessage, 'stream' | 'events' | 'writer' | 'expected' | 'close'>;
export type StreamWanted = Pick<CreateMessage, 'stream' | 'durability' | 'ttl_seconds'>;

export interface AppendAnswer {
  /** Of the last event. */
  readonly position: string;
  /** This writer's sequence was committed before: nothing was added. */
  readonly repeated: boolean;
  /** The stream is closed by now. */
  readonly closed: boolean;
  /** The newest sequence that was taken of the writer, if there is one. */
  readonly sequence?: number;
}

export interface CreateAnswer {
  readonly existed: boolean;
  /** The latest position. */
  readonly position: string;
  readonly closed: boolean;
}

/**
 * Streams as the Durable Streams protocol has them, for somebody: what HTTP does under `/v1/stream/`, by the same
 * functions. As the gateway, it checks scopes, stays within the tenant, and throws a PlayheadError for what is refused.
 */
export interface ContentGateway {
  /** `conflict` if there is one that was made in another way. */
  create(principal: Principal, wanted: Omit<CreateMessage, 'type' | 'id'> & Body): Promise<ContentCreated>;
  /** Calls made one after the other are applied in that order. */
  append(principal: Principal, wanted: Omit<AppendMessage, 'type' | 'id'> & Body): Promise<AppendAnswer>;
  /** Closing what is closed is done already, unless a writer wants it in its order. The position of the end. */
  close(principal: Principal, wanted: Omit<CloseMessage, 'type' | 'id'>): Promise<string>;
  head(principal: Principal, stream: string): Promise<ContentState>;
  /**
   * Begins to read. `open` is called once it is known what there is to read, before anything of it comes, and gives
   * where it goes. Throws `position-lost` for a place that is not retained.
   */
  read(
    principal: Principal,
    wanted: Omit<ReadMessage, 'type' | 'id'>,
    open: (begun: ReadBegun) => Sink,
  ): Promise<ReadAttached>;
}

/** What came as bytes, in place of `messages` and `data`. */
export interface Body {
  readonly body?: Buffer;
}

/** Values or text of a message, if it has any of it. */
export type ContentWanted = Partial<Content> & Body;

export interface ContentCreated extends CreateAnswer {
  readonly contentType: string;
}

export interface ContentState {
  readonly contentType: string;
  /** The latest position. */
  readonly position: string;
  readonly closed: boolean;
  readonly ttlSeconds?: number;
  /** ISO 8601. */
  readonly expiresAt?: string;
}

export interface ReadBegun {
  readonly contentType: string;
  /** Behind which it begins. */
  readonly position: string;
  readonly upToDate: boolean;
  /** How its events become content: an array of JSON (`json`), or bytes. One object for all readers. */
  readonly json: boolean;
  readonly content: Encoding;
}

export type ReadAttached =
  | Extract<Attached, { kind: 'attached' | 'draining' }>
  /** Nothing follows, and the read is not to wait, or nothing ever will. The sink hears nothing. */
  | { readonly kind: 'over'; readonly reason: 'finished' | 'caught-up' };
