import type { Epoch } from '@playhead/protocol';
import type { Bounds } from '../event-log.ts';
import type { Lineage } from '../lineage.ts';
import type { WriterTip } from '../sequence.ts';
import type { RetentionDefaults, StreamSettings } from '../stream-settings.ts';
import type { RowRange } from './row-ranges.ts';
import type { WriterSettings } from './schema.ts';

// What the main thread and its workers say to each other. Appends travel in one block of memory per group: each
// batch as `u32 1, u32 0, f64 segment, f64 total, row`, every other change as `u32 2, u32 length, JSON`.

export const BATCH_OP = 1;
export const CHANGE_OP = 2;
export const OP_HEADER = 24;

/** A change other than a batch, in the order in which it was asked for. */
export type Change =
  | {
      readonly op: 'create';
      readonly id: number;
      readonly key: string;
      readonly config: StreamConfig;
      readonly closed: boolean;
      readonly time: number;
      readonly segment: number;
      readonly epoch: Epoch;
      /** The stream that it is a fork of. */
      readonly parent?: number;
      /** For a fork: where its history comes from, and from which offset on it inherits. */
      readonly from?: { readonly segment: number; readonly at: number; readonly earliest: number };
    }
  /** `bury` deletes a stream that has forks, `release` gives its name free once the last of them is gone. */
  | { readonly op: 'close' | 'delete' | 'bury' | 'release'; readonly id: number }
  | { readonly op: 'ordinal'; readonly id: number; readonly ordinal: string }
  | { readonly op: 'configure'; readonly id: number; readonly config: StreamConfig }
  | { readonly op: 'touch'; readonly id: number; readonly time: number }
  | { readonly op: 'writer'; readonly id: number; readonly writer: string; readonly tip: WriterTip }
  | { readonly op: 'forget'; readonly id: number; readonly writer: string }
  | { readonly op: 'erase'; readonly segment: number; readonly offset: number };

/** What is stored of a stream as text. */
export interface StreamConfig {
  readonly settings: StreamSettings;
  readonly forkedFrom?: NonNullable<Bounds['forkedFrom']>;
  readonly lineage?: Lineage;
}

export type ToWriter =
  | { readonly kind: 'group'; readonly memory: ArrayBuffer; readonly length: number }
  /** One small bite of what retention asks for. `round` begins with the first stream. */
  | { readonly kind: 'sweep'; readonly now: number; readonly round: boolean }
  | { readonly kind: 'stop' };

export type FromWriter =
  | {
      readonly kind: 'ready';
      readonly nextStream: number;
      readonly nextSegment: number;
      readonly lastEpoch: Epoch;
    }
  | { readonly kind: 'refused'; readonly reason: string }
  /** `inherited`: the bytes that each fork of the group inherited, in order. */
  | { readonly kind: 'committed'; readonly memory: ArrayBuffer; readonly inherited: readonly number[] }
  | { readonly kind: 'failed'; readonly full: boolean; readonly reason: string }
  | {
      readonly kind: 'swept';
      readonly trimmed: readonly Trimmed[];
      readonly expired: readonly string[];
      readonly looked: number;
      readonly more: boolean;
    }
  | { readonly kind: 'stopped' };

/** The events of a segment before `earliest` are gone, and with them the bytes below `floor`. */
export interface Trimmed {
  readonly stream: number;
  readonly segment: number;
  readonly earliest: number;
  readonly floor: number;
}

export interface WriterData extends WriterSettings {
  readonly folder: string;
  readonly bootId: string;
  readonly now: number;
  readonly retention: RetentionDefaults;
  readonly totalBytes: number;
}

export type ToReader = { readonly id: number } & ReaderCall;

export type ReaderCall =
  | { readonly kind: 'load'; readonly key: string }
  | {
      readonly kind: 'list';
      readonly tenant: string;
      readonly prefix: string;
      readonly after: string;
      readonly limit: number;
    }
  | ({ readonly kind: 'rows'; readonly proof: boolean } & RowRange);

export type FromReader =
  | {
      readonly id: number;
      readonly kind: 'loaded';
      readonly stream: LoadedStream | undefined;
      readonly grave: LoadedGrave | undefined;
    }
  | { readonly id: number; readonly kind: 'listed'; readonly keys: readonly string[] }
  /** Rows one behind the other. `before`: the chain's value before the first. */
  | {
      readonly id: number;
      readonly kind: 'rows';
      readonly memory: Uint8Array<ArrayBuffer> | undefined;
      readonly before: string | undefined;
    }
  | { readonly id: number; readonly kind: 'failed'; readonly reason: string };

/** A name that is taken by a deleted stream, because of its forks. */
export interface LoadedGrave {
  readonly id: number;
  readonly parent: Parent | undefined;
  /** Ids of its forks that are there, or are graves themselves. */
  readonly forks: readonly number[];
}

/** What a stream was forked from. */
export interface Parent {
  readonly id: number;
  readonly key: string;
}

/** A stream as it was committed. */
export interface LoadedStream {
  readonly id: number;
  readonly parent: Parent | undefined;
  readonly forks: readonly number[];
  readonly ordinal: string | undefined;
  readonly config: StreamConfig;
  readonly closed: boolean;
  readonly created: number;
  readonly touched: number;
  readonly epochIndex: number;
  readonly segments: readonly LoadedSegment[];
  readonly writers: readonly (readonly [string, WriterTip])[];
}

export interface LoadedSegment {
  readonly id: number;
  readonly epoch: Epoch;
  readonly earliest: number;
  readonly floor: number;
  readonly latest: number;
  readonly total: number;
  readonly time: number;
  /** Where its events stand, oldest first: each source up to and with an offset, the segment itself last. */
  readonly sources: readonly { readonly segment: number; readonly last: number }[];
}
