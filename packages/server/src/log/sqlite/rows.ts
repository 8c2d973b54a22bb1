import type { DatabaseSync } from 'node:sqlite';
import { proveRow, type Row, rowAfter, rowAt } from '../batch-codec.ts';
import { CHAIN_START, type Hash, hashText } from '../chain.ts';
import type { FreshRows } from './fresh-rows.ts';
import { OFFSET_MAX, ROW_KEY } from './schema.ts';

/** A batch as it stands in the table. */
export interface StoredRow {
  readonly row: Row;
  /** The offset of its last event. */
  readonly last: number;
  readonly total: number;
  readonly bytes: Buffer;
}

/** Looks at single rows, on whatever thread has a connection. */
export interface Rows {
  /** The row that holds `offset`, or the last one before it. Without its data: `bytes` is only the row's head. */
  upTo(segment: number, offset: number): StoredRow | undefined;
  /** The first row that begins at or behind `offset`, without its data. */
  from(segment: number, offset: number): StoredRow | undefined;
  /** The row that holds `offset`, whole. */
  whole(segment: number, offset: number): StoredRow | undefined;
  /** The chain's value before the row that begins at `first`. */
  before(segment: number, first: number): Hash;
  /** The chain's value behind the event at `offset`, which the segment's rows hold or end before. */
  headAt(segment: number, offset: number): Hash;
}

/** `fresh`: rows of the journal. Those that are not in the tree as well stand behind all that are. */
export function openRows(db: DatabaseSync, fresh?: FreshRows): Rows {
  const head = 'SELECT total, substr(body, 1, 80) AS body FROM batches';
  const span = `id BETWEEN ${ROW_KEY} AND ${ROW_KEY}`;
  const upTo = db.prepare(`${head} WHERE ${span} ORDER BY id DESC LIMIT 1`);
  const from = db.prepare(`${head} WHERE ${span} ORDER BY id LIMIT 1`);
  const whole = db.prepare(`SELECT total, body FROM batches WHERE ${span} ORDER BY id DESC LIMIT 1`);
  const segmentHead = db.prepare('SELECT head FROM segments WHERE id = ?');
  const rows: Rows = {
    upTo: (segment, offset) =>
      later(fresh?.upTo(segment, offset), stored(upTo.get(segment, 0, segment, offset))),
    from: (segment, offset) =>
      stored(from.get(segment, offset, segment, OFFSET_MAX)) ?? fresh?.from(segment, offset),
    whole(segment, offset) {
      const found = later(fresh?.upTo(segment, offset), stored(whole.get(segment, 0, segment, offset)));
      return found !== undefined && found.last >= offset ? found : undefined;
    },
    before(segment, first) {
      const previous = first <= 1 ? undefined : rows.upTo(segment, first - 1);
      if (previous !== undefined) return rowAfter(previous.bytes, 0);
      const found = segmentHead.get(segment)?.['head'];
      return found instanceof Uint8Array ? hashText(found) : CHAIN_START;
    },
    headAt(segment, offset) {
      const found = rows.whole(segment, offset);
      if (found === undefined) return rows.before(segment, offset + 1);
      const { row, bytes, last } = found;
      if (last === offset) return rowAfter(bytes, 0);
      const count = offset - row.first + 1;
      const proof = proveRow(bytes, viewOf(bytes), row, rows.before(segment, row.first), 0, count);
      return hashText(proof.after);
    },
  };
  return rows;
}

function later(one: StoredRow | undefined, other: StoredRow | undefined): StoredRow | undefined {
  return one === undefined || (other !== undefined && other.row.first > one.row.first) ? other : one;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function stored(found: Record<string, unknown> | undefined): StoredRow | undefined {
  const body = found?.['body'];
  if (!(body instanceof Uint8Array)) return undefined;
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const row = rowAt(viewOf(bytes), 0);
  return { row, last: row.first + row.count - 1, total: Number(found?.['total']), bytes };
}
