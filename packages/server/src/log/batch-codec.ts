import type { ByteSink } from './byte-sink.ts';
import { CHAIN_START, type Hash, hashBytes, hashText, innerHash, linkHash, noncesOf } from './chain.ts';
import type { BatchProof, LogEvent } from './event-log.ts';

/**
 * One batch as bytes: what a row on disk holds. It tells its own length, so rows may stand one behind the other,
 * and it is decoded from its middle without looking at the events before. Little endian:
 *
 *      0  u32  length of the row          32  16 bytes  seed of the nonces
 *      4  u8   flags                      48  32 bytes  the chain's value behind the last event
 *      8  f64  first offset               80  types: one (u8 length, text), or u16 count, that many, u16 per event
 *     16  f64  time                           kinds: u8 per event, unless all are text
 *     24  u32  number of events               lengths: u8, u16 or u32 per event
 *     28  u32  where the data begins          data, then (once an event was erased) 16 + 32 bytes per event:
 *                                             its nonce or zeros, and its inner hash
 */
export const ROW_HEADER = 80;

const ASCII = 1;
const ONE_TYPE = 2;
const KINDS = 4;
const ERASED = 8;
/** Two bits: lengths are 1, 2 or 4 bytes wide. */
const WIDTH_SHIFT = 4;

const TEXT = 0;
const BYTES = 1;
const GONE = 2;

const SEED_AT = 32;
const AFTER_AT = 48;
const KEPT = 48;

/** What a row says of itself, and where its parts stand. */
export interface Row {
  readonly at: number;
  readonly length: number;
  readonly flags: number;
  readonly first: number;
  readonly time: number;
  readonly count: number;
  readonly dataAt: number;
}

export function rowAt(view: DataView, at: number): Row {
  return {
    at,
    length: view.getUint32(at, true),
    flags: view.getUint8(at + 4),
    first: view.getFloat64(at + 8, true),
    time: view.getFloat64(at + 16, true),
    count: view.getUint32(at + 24, true),
    dataAt: at + view.getUint32(at + 28, true),
  };
}

/**
 * Writes a batch behind what the sink holds, its seed and chain still empty. Text that is no well-formed UTF-16 has
 * its lone halves replaced by U+FFFD. All the texts of a batch are joined and written at once, which is right
 * where they are ASCII (a character is a byte, so lengths hold); only if not are they written one by one.
 */
export function encodeRow(sink: ByteSink, first: number, time: number, events: readonly LogEvent[]): void {
  const count = events.length;
  const type = events[0]?.type ?? '';
  let oneType = true;
  let allText = true;
  let total = 0;
  let longest = 0;
  for (const event of events) {
    const { data } = event;
    const length = data === null ? 0 : data.length;
    total += length;
    if (length > longest) longest = length;
    if (typeof data !== 'string') allText = false;
    if (event.type !== type) oneType = false;
  }
  const at = sink.length;
  sink.reserve(ROW_HEADER + 130 + (oneType ? 0 : count * 67) + count * 5 + roomFor(events, total));
  sink.length = at + ROW_HEADER;
  writeTypes(sink, events, oneType);
  const base = oneType ? ONE_TYPE : 0;
  if (allText) {
    const width = widthOf(longest);
    const dataAt = sink.length + (count << width);
    const text = count === 1 ? (events[0]?.data as string) : joined(events);
    if (sink.bytes.write(text, dataAt, 'utf8') === total) {
      let lengthAt = sink.length;
      for (const { data } of events) {
        putLength(sink.view, lengthAt, width, (data as string).length);
        lengthAt += 1 << width;
      }
      sink.length = dataAt + total;
      writeHeader(sink, at, base | ASCII | (width << WIDTH_SHIFT), first, time, count, dataAt - at);
      return;
    }
  }
  writeMixed(sink, at, base, first, time, events);
}

/** Any mixture of text, bytes and erased events, one by one. */
function writeMixed(
  sink: ByteSink,
  at: number,
  base: number,
  first: number,
  time: number,
  events: readonly LogEvent[],
): void {
  for (const { data } of events) {
    const kind = typeof data === 'string' ? TEXT : data === null ? GONE : BYTES;
    sink.length = put8(sink.view, sink.length, kind);
  }
  const lengths = events.map(({ data }) => {
    return typeof data === 'string' ? Buffer.byteLength(data, 'utf8') : (data?.length ?? 0);
  });
  const width = widthOf(lengths.reduce((a, b) => Math.max(a, b), 0));
  for (const length of lengths) {
    putLength(sink.view, sink.length, width, length);
    sink.length += 1 << width;
  }
  const dataAt = sink.length - at;
  for (const { data } of events) {
    if (typeof data === 'string') sink.length += sink.bytes.write(data, sink.length, 'utf8');
    else if (data !== null) {
      sink.bytes.set(data, sink.length);
      sink.length += data.length;
    }
  }
  writeHeader(sink, at, base | KINDS | (width << WIDTH_SHIFT), first, time, events.length, dataAt);
}

function writeHeader(
  sink: ByteSink,
  at: number,
  flags: number,
  first: number,
  time: number,
  count: number,
  dataAt: number,
): void {
  const { view } = sink;
  view.setUint32(at, sink.length - at, true);
  view.setUint32(at + 4, flags, true);
  view.setFloat64(at + 8, first, true);
  view.setFloat64(at + 16, time, true);
  view.setUint32(at + 24, count, true);
  view.setUint32(at + 28, dataAt, true);
}

function writeTypes(sink: ByteSink, events: readonly LogEvent[], oneType: boolean): void {
  const { view, bytes } = sink;
  const putText = (text: string): void => {
    sink.length = put8(view, sink.length, text.length);
    sink.length += bytes.write(text, sink.length, 'latin1');
  };
  if (oneType) {
    putText(events[0]?.type ?? '');
    return;
  }
  const table = new Map<string, number>();
  for (const { type } of events) if (!table.has(type)) table.set(type, table.size);
  // Beyond 65,535 different types an index no longer fits: such a batch names a type for each event instead.
  const indexed = table.size < 0xffff;
  view.setUint16(sink.length, indexed ? table.size : 0xffff, true);
  sink.length += 2;
  if (!indexed) {
    for (const { type } of events) putText(type);
    return;
  }
  for (const type of table.keys()) putText(type);
  for (const { type } of events) {
    view.setUint16(sink.length, table.get(type) ?? 0, true);
    sink.length += 2;
  }
}

/** The types of all events of a row, or the one that they share, and where its kinds begin. */
function readTypes(bytes: Buffer, view: DataView, row: Row): { types: string | string[]; end: number } {
  let at = row.at + ROW_HEADER;
  const take = (): string => {
    const length = view.getUint8(at);
    at += 1 + length;
    return typeText(bytes, at - length, length);
  };
  if ((row.flags & ONE_TYPE) !== 0) {
    const type = take();
    return { types: type, end: at };
  }
  const size = view.getUint16(at, true);
  at += 2;
  if (size === 0xffff) {
    const types = Array.from({ length: row.count }, take);
    return { types, end: at };
  }
  const table = Array.from({ length: size }, take);
  const types: string[] = [];
  for (let index = 0; index < row.count; index++) {
    types.push(table[view.getUint16(at, true)] ?? '');
    at += 2;
  }
  return { types, end: at };
}

let lastType = '';

/** Streams repeat their types: one string is shared by all that are equal, where the last one was. */
function typeText(bytes: Buffer, at: number, length: number): string {
  let same = lastType.length === length;
  for (let index = 0; same && index < length; index++)
    same = lastType.charCodeAt(index) === bytes[at + index];
  if (!same) lastType = bytes.toString('latin1', at, at + length);
  return lastType;
}

/** The events of a row from the one at index `from` up to but without `to`. */
export function decodeEvents(bytes: Buffer, view: DataView, row: Row, from: number, to: number): LogEvent[] {
  const { types, end } = readTypes(bytes, view, row);
  const width = (row.flags >> WIDTH_SHIFT) & 3;
  const kindsAt = (row.flags & KINDS) === 0 ? -1 : end;
  const lengthsAt = kindsAt < 0 ? end : end + row.count;
  let at = row.dataAt;
  for (let index = 0; index < from; index++) at += getLength(view, lengthsAt + (index << width), width);
  const events: LogEvent[] = [];
  const typeOf = (index: number): string => (typeof types === 'string' ? types : (types[index] ?? ''));
  if (kindsAt < 0) {
    let stop = at;
    for (let index = from; index < to; index++) stop += getLength(view, lengthsAt + (index << width), width);
    const text = bytes.toString('latin1', at, stop);
    if (to - from === 1) return [{ type: typeOf(from), data: text }];
    let start = 0;
    for (let index = from; index < to; index++) {
      const next = start + getLength(view, lengthsAt + (index << width), width);
      events.push({ type: typeOf(index), data: text.slice(start, next) });
      start = next;
    }
    return events;
  }
  for (let index = from; index < to; index++) {
    const next = at + getLength(view, lengthsAt + (index << width), width);
    const kind = view.getUint8(kindsAt + index);
    const data =
      kind === TEXT ? bytes.toString('utf8', at, next) : kind === GONE ? null : copyOf(bytes, at, next);
    events.push({ type: typeOf(index), data });
    at = next;
  }
  return events;
}

/** Gives a row its nonces and its place in the chain, in place. Returns the chain's value behind it. */
export function sealRow(bytes: Buffer, view: DataView, row: Row, seed: Uint8Array, before: Hash): Hash {
  bytes.set(seed, row.at + SEED_AT);
  const { types, end } = readTypes(bytes, view, row);
  const width = (row.flags >> WIDTH_SHIFT) & 3;
  const lengthsAt = (row.flags & KINDS) === 0 ? end : end + row.count;
  const nonces = noncesOf(seed, row.count);
  let value = before;
  let at = row.dataAt;
  for (let index = 0; index < row.count; index++) {
    const next = at + getLength(view, lengthsAt + (index << width), width);
    const inner = innerHash(nonces, index * 16, bytes, at, next);
    value = linkHash(value, inner, typeof types === 'string' ? types : (types[index] ?? ''));
    at = next;
  }
  bytes.write(value, row.at + AFTER_AT, 'latin1');
  return value;
}

/** The chain's value behind a row's last event. */
export function rowAfter(bytes: Buffer, at: number): Hash {
  return bytes.toString('latin1', at + AFTER_AT, at + AFTER_AT + 32);
}

interface Kept {
  readonly nonces: readonly (Uint8Array | null)[];
  readonly inner: readonly Uint8Array[];
}

/** Every nonce and inner hash of a row: kept ones where an event was erased, else computed. */
function keptOf(bytes: Buffer, view: DataView, row: Row): Kept {
  const nonces: (Uint8Array | null)[] = [];
  const inner: Uint8Array[] = [];
  const { end } = readTypes(bytes, view, row);
  const width = (row.flags >> WIDTH_SHIFT) & 3;
  const mixed = (row.flags & KINDS) !== 0;
  const lengthsAt = mixed ? end + row.count : end;
  const erased = (row.flags & ERASED) !== 0;
  const stream = erased
    ? undefined
    : noncesOf(bytes.subarray(row.at + SEED_AT, row.at + AFTER_AT), row.count);
  let at = row.dataAt;
  for (let index = 0; index < row.count; index++) {
    const next = at + getLength(view, lengthsAt + (index << width), width);
    if (stream === undefined) {
      const kept = row.at + row.length - (row.count - index) * KEPT;
      const gone = mixed && view.getUint8(end + index) === GONE;
      nonces.push(gone ? null : copyOf(bytes, kept, kept + 16));
      inner.push(copyOf(bytes, kept + 16, kept + KEPT));
    } else {
      nonces.push(copyOf(stream, index * 16, index * 16 + 16));
      inner.push(hashBytes(innerHash(stream, index * 16, bytes, at, next)));
    }
    at = next;
  }
  return { nonces, inner };
}

/** What proves the events of a row from index `from` up to `to`, where `before` is the chain's value before the row. */
export function proveRow(
  bytes: Buffer,
  view: DataView,
  row: Row,
  before: Hash,
  from: number,
  to: number,
): BatchProof {
  const { nonces, inner } = keptOf(bytes, view, row);
  const { types } = readTypes(bytes, view, row);
  let value = before;
  let start = before;
  for (let index = 0; index < to; index++) {
    if (index === from) start = value;
    const hash = inner[index];
    if (hash !== undefined)
      value = linkHash(value, hashText(hash), typeof types === 'string' ? types : (types[index] ?? ''));
  }
  if (from === to) start = value;
  return {
    before: hashBytes(start),
    nonces: nonces.slice(from, to),
    inner: inner.slice(from, to),
    after: hashBytes(value),
  };
}

/** Writes a row anew without the data and nonce of one event. Its seed goes, too: it would give the nonce away. */
export function eraseFromRow(sink: ByteSink, bytes: Buffer, view: DataView, row: Row, index: number): void {
  const kept = keptOf(bytes, view, row);
  const events = decodeEvents(bytes, view, row, 0, row.count);
  const left = events.map((event, at) => (at === index ? { type: event.type, data: null } : event));
  const at = sink.length;
  encodeRow(sink, row.first, row.time, left);
  sink.reserve(row.count * KEPT);
  for (let event = 0; event < row.count; event++) {
    const nonce = kept.nonces[event];
    if (event === index || nonce === null || nonce === undefined)
      sink.bytes.fill(0, sink.length, sink.length + 16);
    else sink.bytes.set(nonce, sink.length);
    sink.bytes.set(kept.inner[event] ?? hashBytes(CHAIN_START), sink.length + 16);
    sink.length += KEPT;
  }
  sink.view.setUint32(at, sink.length - at, true);
  sink.view.setUint8(at + 4, sink.view.getUint8(at + 4) | ERASED);
  sink.bytes.fill(0, at + SEED_AT, at + AFTER_AT);
  sink.bytes.write(rowAfter(bytes, row.at), at + AFTER_AT, 'latin1');
}

function joined(events: readonly LogEvent[]): string {
  let text = '';
  for (const { data } of events) text += data as string;
  return text;
}

/** Bytes that the data may take: a guess that is always enough where it is small, else counted. */
function roomFor(events: readonly LogEvent[], total: number): number {
  if (total < 0x10000) return total * 3;
  let bytes = 0;
  for (const { data } of events) {
    bytes += typeof data === 'string' ? Buffer.byteLength(data, 'utf8') : (data?.length ?? 0);
  }
  return bytes;
}

function widthOf(longest: number): number {
  return longest < 0x100 ? 0 : longest < 0x10000 ? 1 : 2;
}

function put8(view: DataView, at: number, value: number): number {
  view.setUint8(at, value);
  return at + 1;
}

function putLength(view: DataView, at: number, width: number, length: number): void {
  if (width === 0) view.setUint8(at, length);
  else if (width === 1) view.setUint16(at, length, true);
  else view.setUint32(at, length, true);
}

function getLength(view: DataView, at: number, width: number): number {
  return width === 0 ? view.getUint8(at) : width === 1 ? view.getUint16(at, true) : view.getUint32(at, true);
}

function copyOf(bytes: Uint8Array, from: number, to: number): Uint8Array {
  return new Uint8Array(bytes.subarray(from, to));
}
