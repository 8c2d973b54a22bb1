import { randomBytes } from 'node:crypto';
import type { Epoch } from '@playhead/protocol';
import { CHAIN_START, type Hash, hashBytes, hashText, innerOfEvent, linkHash, noncesOf } from '../chain.ts';
import type { Batch, BatchProof, Bounds, LogEvent, ReadLimit } from '../event-log.ts';
import type { Lineage } from '../lineage.ts';
import type { Tip, WriterTip } from '../sequence.ts';
import type { StreamKey } from '../stream-key.ts';
import type { StreamSettings } from '../stream-settings.ts';

/** One stream in memory. It has one epoch: what a process forgets, it forgets whole. */
export interface MemoryStream {
  readonly key: StreamKey;
  settings: StreamSettings;
  tip: Tip;
  /** In order and without a hole. A fork shares rows with its source: see `endOf`. */
  rows: Row[];
  /** The offset of the oldest event retained; `latest + 1` if none is. */
  earliest: number;
  /** Of the rows, approximately as held. */
  bytes: number;
  readonly createdAt: number;
  /** When it was last read or appended to. */
  touched: number;
  readonly writers: Map<string, WriterTip>;
  readonly forkedFrom: Bounds['forkedFrom'];
  readonly lineage: Lineage | undefined;
  /** What it was forked from, as long as this one is there. */
  readonly parent: MemoryStream | undefined;
  /** Its forks that are there, or that were deleted and have forks themselves. */
  readonly forks: Set<MemoryStream>;
  /** The chain's value behind the newest event. */
  head: Hash;
}

/** What was appended together. Shared by forks, so that an erased event is gone from all of them. */
export interface Row {
  readonly first: number;
  readonly time: number;
  readonly bytes: number;
  events: readonly LogEvent[];
  /** The chain's value before the first event. */
  readonly before: Hash;
  /** Random; undefined where no proof is kept, and after an event was erased. */
  seed: Uint8Array | undefined;
  /** Once an event was erased: the nonces of the others, and what is left of it. */
  erased:
    | { readonly nonces: readonly (Uint8Array | null)[]; readonly inner: readonly Uint8Array[] }
    | undefined;
}

/** What an event costs beside its data: objects, pointers. */
const EVENT_COST = 64;

export function sizeOf(events: readonly LogEvent[]): number {
  let bytes = 0;
  for (const { data } of events) bytes += (data?.length ?? 0) + EVENT_COST;
  return bytes;
}

/** Puts a batch behind the others. With `proven` it joins the chain; else the stream can give no proof. */
export function addRow(stream: MemoryStream, events: readonly LogEvent[], tip: Tip, proven: boolean): Row {
  const seed = proven ? randomBytes(16) : undefined;
  const first = tip.latest - events.length + 1;
  const row: Row = {
    first,
    time: tip.time,
    bytes: sizeOf(events),
    events,
    before: stream.head,
    seed,
    erased: undefined,
  };
  if (seed !== undefined) stream.head = chainBehind(row, events.length);
  stream.rows.push(row);
  stream.bytes += row.bytes;
  return row;
}

/** Lets go of the oldest row. Its events are lost to readers, who are told. */
export function dropOldest(stream: MemoryStream): void {
  const row = stream.rows.shift();
  if (row === undefined) return;
  stream.bytes -= row.bytes;
  stream.earliest = stream.rows[0]?.first ?? stream.tip.latest + 1;
}

/** A stream's rows from its earliest up to `at`, for a fork: shared, the last one possibly only in part. */
export function rowsUpTo(stream: MemoryStream, at: number): Row[] {
  return stream.rows.slice(0, rowAt(stream, at) + 1);
}

/** The chain's value behind the event at `at`, which is retained or stands directly before what is. */
export function headAt(stream: MemoryStream, at: number): Hash {
  if (at === stream.tip.latest) return stream.head;
  const row = stream.rows[rowAt(stream, at)];
  return row === undefined ? (stream.rows[0]?.before ?? CHAIN_START) : chainBehind(row, at - row.first + 1);
}

/** The batches behind `after`, at least one event, else within the limit. */
export function readRows(stream: MemoryStream, epoch: Epoch, after: number, limit: ReadLimit): Batch[] {
  const batches: Batch[] = [];
  let events = 0;
  let bytes = 0;
  let offset = after + 1;
  for (let index = rowAt(stream, offset); offset <= stream.tip.latest; index++) {
    const row = stream.rows[index];
    if (row === undefined) break;
    const from = offset - row.first;
    const end = endOf(stream, index) - row.first;
    let to = from;
    while (to < end && (events === 0 || (events < limit.events && bytes < limit.bytes))) {
      bytes += row.events[to]?.data?.length ?? 0;
      events += 1;
      to += 1;
    }
    if (to === from) break;
    const whole = from === 0 && to === row.events.length;
    batches.push({
      epoch,
      first: offset,
      time: row.time,
      events: whole ? row.events : row.events.slice(from, to),
      ...(limit.proof === true && (row.seed ?? row.erased) !== undefined
        ? { proof: proofOf(row, from, to) }
        : {}),
    });
    if (to < end) break;
    offset = row.first + to;
  }
  return batches;
}

/** Erases one event; false if it is not retained. */
export function eraseEvent(stream: MemoryStream, offset: number): boolean {
  if (offset < stream.earliest || offset > stream.tip.latest) return false;
  const row = stream.rows[rowAt(stream, offset)];
  if (row === undefined) return false;
  const index = offset - row.first;
  if (row.seed !== undefined || row.erased !== undefined) {
    const { nonces, inner } = proofOf(row, 0, row.events.length);
    row.erased = { nonces: nonces.with(index, null), inner };
    row.seed = undefined;
  }
  row.events = row.events.map((event, at) => (at === index ? { type: event.type, data: null } : event));
  return true;
}

/** The index of the row that holds `offset`; -1 if that stands before all of them. */
function rowAt(stream: MemoryStream, offset: number): number {
  let low = 0;
  let high = stream.rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((stream.rows[middle]?.first ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/**
 * The offset behind the last event that this stream sees of a row: a row shared by a fork may go on in its source
 * where the fork has events of its own.
 */
function endOf(stream: MemoryStream, index: number): number {
  return stream.rows[index + 1]?.first ?? stream.tip.latest + 1;
}

function chainBehind(row: Row, count: number): Hash {
  const { inner } = innerOf(row);
  let value = row.before;
  for (let i = 0; i < count; i++) {
    value = linkHash(value, hashText(inner[i] ?? new Uint8Array(32)), row.events[i]?.type ?? '');
  }
  return value;
}

function proofOf(row: Row, from: number, to: number): BatchProof {
  const { nonces, inner } = innerOf(row);
  return {
    before: hashBytes(chainBehind(row, from)),
    nonces: nonces.slice(from, to),
    inner: inner.slice(from, to),
    after: hashBytes(chainBehind(row, to)),
  };
}

function innerOf(row: Row): { nonces: readonly (Uint8Array | null)[]; inner: readonly Uint8Array[] } {
  if (row.erased !== undefined) return row.erased;
  if (row.seed === undefined) return { nonces: [], inner: [] };
  const stream = noncesOf(row.seed, row.events.length);
  const nonces = row.events.map((_, index) => stream.subarray(index * 16, index * 16 + 16));
  const inner = row.events.map((event, index) =>
    hashBytes(innerOfEvent(nonces[index] ?? new Uint8Array(16), event.data ?? '')),
  );
  return { nonces, inner };
}

/** Of the writers of one stream, the 4,096 that appended last are remembered. */
const WRITERS_MAX = 4096;

export function rememberWriter(stream: MemoryStream, id: string, writer: WriterTip): void {
  // Deleted first, so that the order of the map is that of the last append.
  stream.writers.delete(id);
  stream.writers.set(id, writer);
  if (stream.writers.size <= WRITERS_MAX) return;
  for (const oldest of stream.writers.keys()) {
    stream.writers.delete(oldest);
    return;
  }
}

export function boundsOf(stream: MemoryStream): Bounds {
  const { epoch, latest, closed } = stream.tip;
  const { contentType, durability, ttl, expiresAt } = stream.settings;
  return {
    start: { epoch, offset: stream.earliest - 1 },
    earliest: { epoch, offset: stream.earliest },
    latest: { epoch, offset: latest },
    closed,
    contentType,
    durability,
    bytes: stream.bytes,
    createdAt: stream.createdAt,
    epochIndex: 0,
    ...(ttl === undefined ? {} : { ttl }),
    ...(expiresAt === undefined ? {} : { expiresAt }),
    ...(stream.forkedFrom === undefined ? {} : { forkedFrom: stream.forkedFrom }),
  };
}
