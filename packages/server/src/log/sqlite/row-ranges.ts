import type { DatabaseSync } from 'node:sqlite';
import type { FreshRows } from './fresh-rows.ts';
import { openRows } from './rows.ts';
import { ROW_KEY } from './schema.ts';

/** Rows of a segment that hold what follows `after` up to `last`, about as many as `events` and `bytes` say. */
export interface RowRange {
  readonly segment: number;
  readonly after: number;
  readonly last: number;
  readonly events: number;
  readonly bytes: number;
}

/** Reads ranges of rows, one behind the other, in memory of their own; undefined where there are none. */
export function openRanges(
  db: DatabaseSync,
  fresh: FreshRows,
): (range: RowRange) => Uint8Array<ArrayBuffer> | undefined {
  const rows = openRows(db, fresh);
  const tree = openRows(db);
  // All rows of a range as one value, so that a thousand rows cost one step of SQLite and no object each. To
  // concatenate bytes as text is safe: SQLite copies them, it never looks at what they mean.
  const bodies = db.prepare(
    `SELECT CAST(group_concat(CAST(body AS TEXT), '') AS BLOB) AS bodies FROM
     (SELECT body FROM batches WHERE id BETWEEN ${ROW_KEY} AND ${ROW_KEY} ORDER BY id)`,
  );

  return ({ segment, after, last, events, bytes }) => {
    const holding = rows.upTo(segment, after + 1);
    const first = holding !== undefined && holding.last > after ? holding : rows.from(segment, after + 1);
    if (first === undefined || first.row.first > last) return undefined;
    const from = first.row.first;
    const limit = first.total + bytes;
    // The greatest offset whose row ends within the limit: totals grow with offsets, so halving finds it.
    let end = Math.min(last, Math.max(after, from - 1) + events);
    if ((rows.upTo(segment, end)?.total ?? 0) > limit) {
      let low = from;
      let high = end;
      while (low < high) {
        const middle = Math.floor((low + high + 1) / 2);
        if ((rows.upTo(segment, middle)?.total ?? 0) > limit) high = middle - 1;
        else low = middle;
      }
      end = low;
    }
    const found = bodies.get(segment, from, segment, end)?.['bodies'];
    const stored = found instanceof Uint8Array ? found : undefined;
    if (!fresh.has(segment)) return stored;
    // What is being settled stands in both.
    const inTree = stored === undefined ? 0 : (tree.upTo(segment, end)?.row.first ?? 0);
    const behind = fresh.range(segment, Math.max(from, inTree + 1), end).map(({ bytes: body }) => body);
    if (behind.length === 0) return stored;
    // Memory of its own, since it is handed over.
    const parts = stored === undefined ? behind : [stored, ...behind];
    const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  };
}
