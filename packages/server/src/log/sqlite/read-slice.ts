import { PlayheadError, type Position } from '@playhead/protocol';
import { decodeEvents, proveRow, rowAfter, rowAt } from '../batch-codec.ts';
import type { Hash } from '../chain.ts';
import type { Batch, ReadLimit, Slice } from '../event-log.ts';
import { locate } from '../history.ts';
import { asOwn } from '../lineage.ts';
import type { ReaderPool } from './reader-pool.ts';
import { viewOf } from './rows.ts';
import { spansOf, type StreamState } from './stream-state.ts';

/** How much a reader thread hands over at once, bytes: a page of any size is read in pieces. */
const PIECE = 4 * 1024 * 1024;

/**
 * Reads what follows a position. Where it stands is decided here, by what is known as committed; the rows come from
 * a reader thread, piece by piece, since a fork's history stands in several segments. Retention may remove rows
 * meanwhile: what is then missing is told as lost, never skipped.
 */
export async function readSlice(
  state: StreamState,
  readers: ReaderPool,
  wanted: Position,
  limit: ReadLimit,
): Promise<Slice> {
  const { tip } = state.seen;
  const after = asOwn(wanted, state.config.lineage);
  const latest: Position = { epoch: tip.epoch, offset: tip.latest };
  const spans = spansOf(state);
  const place = locate(spans, after);
  if (place.kind === 'lost') return { ...place, latest };
  if (place.kind === 'end') return { kind: 'events', batches: [], next: after, latest, closed: tip.closed };
  const segment = state.segments[place.index];
  const end = spans[place.index]?.latest ?? 0;
  const batches: Batch[] = [];
  const left = { events: Math.max(1, limit.events), bytes: Math.max(1, limit.bytes) };
  let at = after.offset;
  while (at < end && (batches.length === 0 || (left.events > 0 && left.bytes > 0))) {
    const source = segment?.sources.find(({ last }) => last > at);
    if (source === undefined) break;
    const last = Math.min(source.last, end);
    const answer = await readers.call({
      kind: 'rows',
      segment: source.segment,
      after: at,
      last,
      events: Math.min(left.events, PIECE),
      bytes: Math.min(left.bytes, PIECE),
      proof: limit.proof === true,
    });
    if (answer.kind !== 'rows') throw new PlayheadError('internal', 'The reader of the log misunderstood.');
    const first = answer.memory === undefined ? undefined : rowAt(viewOf(answer.memory), 0).first;
    if (answer.memory === undefined || first === undefined || first > at + 1) {
      if (batches.length > 0) break;
      return gone(after, first, end, latest);
    }
    const piece = { epoch: after.epoch, after: at, last, before: answer.before };
    const next = decodeRows(answer.memory, piece, left, batches);
    if (next === at) break;
    at = next;
  }
  const next: Position = { epoch: after.epoch, offset: at };
  const whole = after.epoch === latest.epoch && at === latest.offset;
  return { kind: 'events', batches, next, latest, closed: tip.closed && whole };
}

/** Rows were removed between the decision and the reading. */
function gone(after: Position, first: number | undefined, end: number, latest: Position): Slice {
  const offset = first === undefined ? end : first - 1;
  return { kind: 'lost', missed: offset - after.offset, resume: { epoch: after.epoch, offset }, latest };
}

interface Piece {
  readonly epoch: string;
  readonly after: number;
  readonly last: number;
  readonly before: Hash | undefined;
}

/** Adds the batches of a block of rows; takes off `left` what they hold. Returns the last offset added. */
function decodeRows(
  memory: Uint8Array<ArrayBuffer>,
  piece: Piece,
  left: { events: number; bytes: number },
  batches: Batch[],
): number {
  const view = viewOf(memory);
  const bytes = Buffer.from(memory.buffer, memory.byteOffset, memory.byteLength);
  let { before } = piece;
  let offset = piece.after + 1;
  for (let at = 0; at < bytes.length && offset <= piece.last; ) {
    const row = rowAt(view, at);
    const from = offset - row.first;
    let to = Math.min(row.count, piece.last - row.first + 1, from + left.events);
    let events = decodeEvents(bytes, view, row, from, to);
    let size = sizeOf(events);
    if (size > left.bytes) {
      const fitting = fittingOf(events, left.bytes, batches.length === 0);
      if (fitting === 0) break;
      events = events.slice(0, fitting);
      to = from + fitting;
      size = left.bytes;
    }
    const proof = before === undefined ? undefined : proveRow(bytes, view, row, before, from, to);
    const batch = { epoch: piece.epoch, first: offset, time: row.time, events };
    batches.push(proof === undefined ? batch : { ...batch, proof });
    left.events -= events.length;
    left.bytes -= size;
    offset = row.first + to;
    if (left.events <= 0 || left.bytes <= 0) break;
    if (before !== undefined) before = rowAfter(bytes, at);
    at += row.length;
  }
  return offset - 1;
}

function sizeOf(events: Batch['events']): number {
  let size = 0;
  for (const { data } of events) size += data?.length ?? 0;
  return size;
}

/** How many events, from the first on, stay within `bytes`; at least one where nothing was read yet. */
function fittingOf(events: Batch['events'], bytes: number, first: boolean): number {
  let count = 0;
  let size = 0;
  for (const { data } of events) {
    size += data?.length ?? 0;
    if (size > bytes && (count > 0 || !first)) break;
    count += 1;
  }
  return count;
}
