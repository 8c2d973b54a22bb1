import type { Epoch, Position } from '@playhead/protocol';
import type { StreamKey } from './stream-key.ts';

/**
 * The log: named, append-only, ordered sequences of events. Everything that a reader of Playhead sees was read
 * here. Engines are folders beside this file; each passes `event-log.contract.ts`, whose laws are:
 *
 * - L1 Offsets are dense from 1 within an epoch.
 * - L2 A batch is visible whole or not at all, and to nobody before it is committed.
 * - L3 An acknowledged append survives a kill of the process (and a power cut, where the engine is set so).
 * - L4 The epoch changes if and only if history was, or may have been, lost or reset. What survived of the old
 *   epoch stays readable before the new one.
 * - L5 A read before the earliest event, ahead of the latest, or in an unknown epoch says `lost`.
 * - L6 After the last append, some call of every watcher follows.
 * - L7 A repeated writer sequence gets the first answer; an outdated writer is fenced.
 * - L8 Closed is final.
 * - L9 The name of a deleted stream stays taken while a fork of it is left.
 */
export interface EventLog extends AsyncDisposable {
  /** Makes a stream. `exists` tells nothing of how the other was made: compare its bounds. */
  create(key: StreamKey, options?: CreateOptions): Promise<Created>;

  /**
   * Adds a batch behind the latest event, whole or not at all (L2). Resolves once it is committed. Calls made
   * one after the other are applied in that order, without waiting for each other. Never creates a stream.
   * An empty batch is allowed only with `close`. Rejects with `storage-full` if nothing can be written.
   */
  append(key: StreamKey, events: readonly LogEvent[], options?: AppendOptions): Promise<Appended>;

  /** Reads what follows `after`, at least one event if there is one, else at most `limit`. Does not wait. */
  read(key: StreamKey, after: Position, limit: ReadLimit): Promise<Slice>;

  /** What is retained of a stream, and how it was made; undefined if there is none. */
  bounds(key: StreamKey): Promise<Bounds | undefined>;

  /**
   * Calls `moved` after events became readable, or the stream was closed, trimmed or deleted. A hint: it may
   * come late, twice or for nothing, but one follows the last change (L6). `latest` is the newest committed offset
   * of the current epoch where the engine knows it and appended events are all that changed; else it is left out.
   */
  watch(key: StreamKey, moved: (latest?: number) => void): Disposable;

  /**
   * The same for all streams there are and will be, of all tenants. A call that follows a creation or a deletion has no
   * `latest`. It is called on the path of every commit: what costs is done later.
   */
  watchAll(moved: (key: StreamKey, latest?: number) => void): Disposable;

  /** Sets a stream's retention rule. Trimming happens later, by itself. */
  retain(key: StreamKey, rule: RetentionRule): Promise<boolean>;

  /** Closes a stream for good (L8); false if there is none. Closing twice is closing once. */
  close(key: StreamKey): Promise<boolean>;

  /**
   * Removes a stream and its events; false if there is none. A later stream of the same name has a new epoch, and
   * cannot be made before the last fork of this one is deleted too (L9). Expiry deletes in the same way.
   */
  delete(key: StreamKey): Promise<boolean>;

  /** Whether there is no such stream, but its name is still taken by one that was deleted and has forks (L9). */
  gone(key: StreamKey): Promise<boolean>;

  /**
   * Makes `target`, whose history is that of `source` up to and with `at` and which goes on by itself, in an
   * epoch of its own with the same offsets. Costs no copy; what `target` inherits stays readable to it after
   * `source` is deleted. A position of `source` up to `at` names the same place in `target`, however often that is
   * forked again. `lost` if `at` is not retained.
   */
  fork(source: StreamKey, at: Position, target: StreamKey, options?: ForkOptions): Promise<Forked>;

  /** A tenant's streams in the order of their names, those behind `after` first. */
  list(query: ListQuery): Promise<readonly Listed[]>;

  /** Erases the data of one event; its place, type and hash stay, so the chain still verifies (D-5). */
  redact(key: StreamKey, at: Position): Promise<boolean>;

  /**
   * Undefined while uncommitted bytes are within their bound; else a promise of when they are again. Sources
   * are not read meanwhile: pipes pause, sockets push back (D-2).
   */
  room(): Promise<void> | undefined;
}

/** A JSON document as text on one line, or bytes. */
export type EventData = string | Uint8Array;

export interface LogEvent {
  /** 1 to 64 characters of `[A-Za-z0-9._:-]`. */
  readonly type: string;
  /** Null once it was erased. */
  readonly data: EventData | null;
}

/** Events that were appended together: one row on disk, one time, offsets `first`, `first + 1`, … */
export interface Batch {
  readonly epoch: Epoch;
  readonly first: number;
  /** When it was appended, ms since 1970. Never less than that of the batch before. */
  readonly time: number;
  readonly events: readonly LogEvent[];
  /** What proves it, if the read asked for proof. */
  readonly proof?: BatchProof;
}

/** See chain.ts. Hashes are 32 bytes, nonces 16. */
export interface BatchProof {
  /** The chain's value before the first event here. */
  readonly before: Uint8Array;
  /** One per event; null where the event was erased. */
  readonly nonces: readonly (Uint8Array | null)[];
  /** One per event: H(nonce, data). Kept when an event is erased. */
  readonly inner: readonly Uint8Array[];
  /** The chain's value after the last event here. */
  readonly after: Uint8Array;
}

export interface CreateOptions {
  /** Default `application/json`. */
  readonly contentType?: string;
  /** Volatile streams live in memory only and begin a new epoch with each process (D-1). Default durable. */
  readonly durability?: Durability;
  /** The stream is deleted this many ms after it was last read or appended to. */
  readonly ttl?: number;
  /** The stream is deleted at this time, ms since 1970. */
  readonly expiresAt?: number;
  readonly retention?: RetentionRule;
  /** First batch, committed together with the stream. */
  readonly events?: readonly LogEvent[];
  /** Made closed: it will never have other events. */
  readonly closed?: boolean;
}

export interface ForkOptions extends CreateOptions {
  /**
   * How much of the event behind the position its first event repeats, in whatever unit the caller counts. Only
   * kept, with where the stream was forked from.
   */
  readonly part?: number;
}

export type Durability = 'durable' | 'volatile';

/** What is absent is the engine's default (D-6: 7 days, 256 MiB a stream). */
export interface RetentionRule {
  /** Events older than this many ms are trimmed; null: never by age. */
  readonly maxAge?: number | null;
  /** The oldest events are trimmed beyond this many stored bytes. */
  readonly maxBytes?: number;
}

export interface AppendOptions {
  readonly guard?: AppendGuard;
  /** Closes the stream with this batch, atomically. */
  readonly close?: boolean;
  /** Only if the stream's media type is this one: in lower case, without parameters. */
  readonly mediaType?: string;
  /** Only if it is greater than that of the newest append that had one, compared by code units. At most 256. */
  readonly ordinal?: string;
}

export type AppendGuard =
  /** Only if this is the latest position. */
  | { readonly kind: 'expected'; readonly latest: Position }
  /**
   * An idempotent writer. `sequence` counts its appends from 0 within `epoch`, which its owner raises to fence
   * off older instances of itself. A new epoch begins at sequence 0.
   */
  | { readonly kind: 'writer'; readonly id: string; readonly epoch: number; readonly sequence: number };

export type Appended =
  /** `position` is that of the last event; `first` the offset of the first. */
  | { readonly kind: 'appended'; readonly position: Position; readonly first: number; readonly time: number }
  /**
   * This writer's sequence was committed before: nothing was added (L7). `position` is its first answer's;
   * `newest` the writer's newest sequence; `closed` whether the stream is closed by now.
   */
  | {
      readonly kind: 'repeated';
      readonly position: Position;
      readonly sequence: number;
      readonly newest: number;
      readonly closed: boolean;
    }
  /** A newer epoch of this writer exists. */
  | { readonly kind: 'fenced'; readonly epoch: number }
  /** The writer left out a sequence, or began an epoch with one that is not 0; `epoch` is its newest, if it has one. */
  | {
      readonly kind: 'sequence-gap';
      readonly expected: number;
      readonly received: number;
      readonly epoch?: number;
    }
  | { readonly kind: 'other-type'; readonly contentType: string }
  /** `newest` is the newest append's. */
  | { readonly kind: 'out-of-order'; readonly newest: string }
  | { readonly kind: 'mismatch'; readonly latest: Position }
  | { readonly kind: 'closed'; readonly latest: Position }
  | { readonly kind: 'missing' };

export type Created =
  | { readonly kind: 'created'; readonly bounds: Bounds }
  | { readonly kind: 'exists'; readonly bounds: Bounds }
  /** A deleted stream has the name, and forks (L9). */
  | { readonly kind: 'gone' };

export type Forked = Created | { readonly kind: 'lost' } | { readonly kind: 'missing' };

export interface ReadLimit {
  readonly events: number;
  /** Of data, approximately; the first event is given whatever its size. */
  readonly bytes: number;
  /** Adds the proof to each batch. Default false. */
  readonly proof?: boolean;
}

export type Slice =
  | {
      readonly kind: 'events';
      /** In order, without a hole; may begin and end inside what was appended together. */
      readonly batches: readonly Batch[];
      /** Behind the last event here; `after` itself if there was none. */
      readonly next: Position;
      readonly latest: Position;
      /** The stream is closed and `next` is its end: nothing will ever follow. */
      readonly closed: boolean;
    }
  /** Nothing is retained behind `after` without a gap. */
  | {
      readonly kind: 'lost';
      /** Events lost between `after` and `resume`, if anyone can know. */
      readonly missed: number | null;
      /** Read from here: nothing retained is skipped, nothing is repeated that `after` had passed. */
      readonly resume: Position;
      readonly latest: Position;
    }
  | { readonly kind: 'missing' };

export interface Bounds {
  /** Behind which every retained event follows: what a read from the start begins with. */
  readonly start: Position;
  /** Position of the oldest event retained; behind `latest` while the stream is empty. */
  readonly earliest: Position;
  readonly latest: Position;
  readonly closed: boolean;
  readonly contentType: string;
  readonly durability: Durability;
  /** Retained, as stored. */
  readonly bytes: number;
  /** ms since 1970. */
  readonly createdAt: number;
  readonly ttl?: number;
  readonly expiresAt?: number;
  /** How many epochs the stream had before this one, kept durably (D-3). */
  readonly epochIndex: number;
  /** Where it was forked from; `at` in the epoch that the source itself had. */
  readonly forkedFrom?: { readonly source: StreamKey; readonly at: Position; readonly part?: number };
}

export interface ListQuery {
  readonly tenant: string;
  /** Only names that begin so. */
  readonly prefix?: string;
  /** Only names behind this one. */
  readonly after?: string;
  readonly limit: number;
}

export interface Listed {
  readonly key: StreamKey;
  readonly bounds: Bounds;
}
