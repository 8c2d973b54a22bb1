import type { Position, Receipt } from '@playhead/protocol';
import type { Appended, AppendOptions, Batch, LogEvent } from '../log/event-log.ts';
import type { StreamKey } from '../log/stream-key.ts';

/**
 * Moves what the log holds to whoever watches. A subscription is a cursor: woken when the log has moved, it
 * reads behind its cursor and writes to its sink while the sink is writable. Replay, resume and live are that
 * one loop.
 */
export interface Hub extends Disposable {
  /** Appends through the log, and hands what was committed to the stream's window, so that nobody rereads it. */
  append(key: StreamKey, events: readonly LogEvent[], options?: AppendOptions): Promise<Appended>;

  /**
   * Begins a subscription: the sink hears `receipt`, then events. Disposing it detaches; the sink hears nothing
   * afterwards. Of the other outcomes the sink hears nothing at all.
   */
  attach(request: AttachRequest, sink: Sink): Promise<Attached>;

  /**
   * Tells how much is asked of a stream, for a source that works only while somebody watches: `changed` is called once
   * per turn in which something of it has changed, and at once if there are subscriptions already. One listener a stream.
   */
  demand(key: StreamKey, changed: (demand: Demand) => void): Disposable;

  /** Ends every subscription with `draining` and takes no new ones. */
  drain(): void;

  readonly stats: HubStats;
}

export interface AttachRequest {
  readonly key: StreamKey;
  /** `start`: everything retained; `live`: what comes from now on; else what follows the position. */
  readonly from: Position | 'start' | 'live';
  /** `every`: lossless, in order. `latest`: skips to the newest event whenever the sink is writable. */
  readonly delivery: 'every' | 'latest';
  /** With `latest`: at least so many ms between two writes. Default 0. */
  readonly intervalMs?: number;
}

export interface Demand {
  /** Subscriptions. */
  readonly viewers: number;
  /** The least `intervalMs` among them; 0 also if there are none. */
  readonly intervalMs: number;
  /** Offset up to which the fastest of them has taken everything that it wants. */
  readonly taken: number;
}

export type Attached =
  | { readonly kind: 'attached'; readonly subscription: Subscription }
  /** The stream is closed and `from` is its end: nothing will ever follow. */
  | { readonly kind: 'finished' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'draining' };

export interface Subscription extends Disposable {
  /** Behind the last event written to the sink. */
  readonly cursor: Position;
  /** Events skipped by delivery `latest`. */
  readonly dropped: number;
  /** The sink takes bytes again after `write` said false. */
  resume(): void;
}

/** Where a subscription's bytes go. Called from one turn of the event loop at a time, never re-entrantly. */
export interface Sink {
  readonly encoding: Encoding;
  /** Told first, and again whenever events were lost to this subscriber. */
  receipt(receipt: Receipt): void;
  /** Takes the bytes in any case; false asks to wait for `resume`. The chunk is shared: never change it. */
  write(chunk: Uint8Array): boolean;
  /** The last call. After it the subscription is gone. */
  end(reason: EndReason): void;
}

/** `finished`: the stream is closed and was read to its end. `deleted`: it exists no more. */
export type EndReason = 'finished' | 'deleted' | 'draining' | 'failed';

/**
 * How batches become bytes. Subscribers with the same encoding object at the same cursor share one chunk, so an
 * encoding is one object per wire format, not one per connection.
 */
export interface Encoding {
  /** The bytes of these events; called once per batch, whoever watches. */
  encode(batch: Batch): Uint8Array;
  /**
   * One write out of one or more encoded batches, e.g. framed as an HTTP chunk. `end` is where they end; it is absent
   * for what a transport frames by itself.
   */
  frame(parts: readonly Uint8Array[], end?: ChunkEnd): Uint8Array;
}

/** Where a chunk ends, as far as was known when it was made. */
export interface ChunkEnd {
  /** Behind the last event of the chunk. */
  readonly next: Position;
  /** Nothing follows `next` yet. */
  readonly live: boolean;
  /** Nothing will ever follow it. */
  readonly closed: boolean;
}

export interface HubStats {
  /** Streams with at least one subscription. */
  readonly streams: number;
  readonly subscriptions: number;
  /** Bytes held in all windows. */
  readonly windowBytes: number;
  /** Events that delivery `latest` has skipped, of all subscriptions so far. */
  readonly dropped: number;
}
