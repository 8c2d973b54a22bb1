import type { DatabaseSync } from 'node:sqlite';
import { FreshRows } from './fresh-rows.ts';
import { openRows } from './rows.ts';
import { OFFSET_MAX, ROW_KEY } from './schema.ts';

/**
 * What was committed lately, as it came: one row a group, however many streams it is about. To put each batch into the
 * tree at once would write a page for each stream with every commit; here a group is some pages one behind the other, and
 * the tree gets what has gathered for a stream together. Nobody can tell the difference: readers look into both.
 *
 *     commit ──▶ journal (a row a group) ──settle──▶ batches (a row a batch, in the order of reading)
 *
 * Settling goes portion by portion, so that no commit waits for all of it: first rows are added to the tree, a segment
 * after the other; once all are there, their groups are removed from the journal. Until then they stand in both.
 */
export interface Journal {
  /** What is in the journal, whether it is in the tree as well or not. */
  readonly fresh: FreshRows;
  /** Whether so much has gathered that it should be settled. */
  readonly full: boolean;
  /** Whether `begin` was called and portions are left. */
  readonly settling: boolean;
  /** Adds a group's batch ops, sealed, within the group's transaction. The memory must stay as it is. */
  add(ops: Buffer): void;
  /** Puts a sealed row into the tree past the journal, within the group's transaction, behind all of its segment. */
  pass(segment: number, first: number, total: number, row: Buffer): void;
  /** Begins to settle what is in the journal now. */
  begin(): void;
  /** Settles some of it, within a transaction of the caller's. */
  portion(): void;
  /** Settles everything at once, within a transaction of the caller's. */
  settle(): void;
  /** After a transaction failed: what is known is what the database has. */
  reload(): void;
}

/** A row of so many bytes fills pages by itself: it would share none with others, and the journal would write it twice. */
export const OWN_PAGES: number = 16 * 1024;

/**
 * Settled together: some pages of each stream, since what begins in the midst of the tree rewrites the pages beside it as
 * well. At least so much that it is worth it, at most what every reader can keep in mind.
 */
const BYTES_PER_SEGMENT = 12 * 1024;
const BYTES_MIN = 2 * 2 ** 20;
const BYTES_MAX = 24 * 2 ** 20;
const ROWS_MAX = 32_768;
/** Far behind: then everything is settled at once, so that the journal has a bound. */
const TOO_MANY = 2;

/** A portion holds a commit up for about two milliseconds; more only where more came since the last one. */
const PORTION_ROWS = 256;
const PORTION_BYTES = 256 * 1024;

interface Group {
  readonly seq: number;
  readonly ops: Buffer;
}

interface Underway {
  /** The last group that is settled. */
  readonly upTo: number;
  readonly segments: readonly number[];
  /** How many of the segments are in the tree. */
  at: number;
}

export function openJournal(db: DatabaseSync): Journal {
  const insert = db.prepare('INSERT INTO journal VALUES (?, ?)');
  const stored = db.prepare('SELECT seq, ops FROM journal ORDER BY seq');
  const removeUpTo = db.prepare('DELETE FROM journal WHERE seq <= ?');
  const insertBatch = db.prepare(`INSERT INTO batches (id, total, body) VALUES (${ROW_KEY}, ?, ?)`);
  const goneOf = db.prepare('SELECT gone FROM segments WHERE id = ?');
  const tree = openRows(db);
  const fresh = new FreshRows();
  /** How many of a segment's fresh rows are in the tree. */
  const inTree = new Map<number, number>();
  let groups: Group[] = [];
  let seq = 0;
  let settling: Underway | undefined;
  /** What there was after the last portion. */
  let before = { count: 0, bytes: 0 };

  /** Adds rows of a segment to the tree, at most so many; returns how many. */
  function move(segment: number, limit: number): number {
    const from = inTree.get(segment) ?? 0;
    const rows = fresh.slice(segment, from, from + limit);
    for (const { row, total, bytes } of rows) insertBatch.run(segment, row.first, total, bytes);
    if (rows.length > 0) inTree.set(segment, from + rows.length);
    return rows.length;
  }

  /** Removes groups whose rows are in the tree, overwritten, so that what is erased later is not found here. */
  function remove(upTo: number): void {
    db.exec('PRAGMA secure_delete = ON');
    removeUpTo.run(upTo);
    db.exec('PRAGMA secure_delete = OFF');
  }

  function removePortion(upTo: number, limit: number): void {
    let bytes = 0;
    let count = 0;
    for (const { seq: of, ops } of groups) {
      if (of > upTo || bytes >= limit) break;
      bytes += ops.length;
      count += 1;
    }
    const gone = groups.splice(0, count);
    const last = gone.at(-1);
    if (last !== undefined) remove(last.seq);
    for (const { ops } of gone) {
      for (const [segment, rows] of fresh.dropAll(ops)) {
        const left = (inTree.get(segment) ?? 0) - rows;
        if (left > 0) inTree.set(segment, left);
        else inTree.delete(segment);
      }
    }
    if ((groups[0]?.seq ?? Number.POSITIVE_INFINITY) > upTo) settling = undefined;
  }

  function forget(): void {
    fresh.clear();
    inTree.clear();
    groups = [];
    settling = undefined;
  }

  function reload(): void {
    forget();
    for (const { seq: of, ops } of stored.all()) {
      if (!(ops instanceof Uint8Array)) continue;
      const group = { seq: Number(of), ops: bufferOf(ops) };
      groups.push(group);
      fresh.takeAll(group.ops);
      seq = Math.max(seq, group.seq);
    }
    // What was settled in part stands in the tree up to some row, if retention has not removed it already.
    for (const segment of fresh.sorted()) {
      const gone = Number(goneOf.get(segment)?.['gone'] ?? OFFSET_MAX);
      const last = Math.max(gone, tree.upTo(segment, OFFSET_MAX)?.row.first ?? 0);
      const count = fresh.before(segment, last);
      if (count > 0) inTree.set(segment, count);
    }
  }

  reload();
  return {
    fresh,
    get full() {
      const enough = Math.max(BYTES_MIN, fresh.segments * BYTES_PER_SEGMENT);
      return fresh.count >= ROWS_MAX || fresh.bytes >= Math.min(BYTES_MAX, enough);
    },
    get settling() {
      return settling !== undefined;
    },
    add(ops) {
      // Never used again within a process: readers know by it what they have seen.
      seq += 1;
      insert.run(seq, ops);
      groups.push({ seq, ops });
    },
    pass(segment, first, total, row) {
      move(segment, Number.POSITIVE_INFINITY);
      insertBatch.run(segment, first, total, row);
    },
    begin() {
      if (settling !== undefined) return;
      settling = { upTo: seq, segments: fresh.sorted(), at: 0 };
      before = { count: fresh.count, bytes: fresh.bytes };
    },
    portion() {
      if (settling === undefined) return;
      if (fresh.count >= TOO_MANY * ROWS_MAX || fresh.bytes >= TOO_MANY * BYTES_MAX) {
        this.settle();
        return;
      }
      let left = Math.max(PORTION_ROWS, 2 * (fresh.count - before.count));
      const bytes = Math.max(PORTION_BYTES, 2 * (fresh.bytes - before.bytes));
      while (left > 0 && settling.at < settling.segments.length) {
        const moved = move(settling.segments[settling.at] ?? 0, left);
        if (moved < left) settling.at += 1;
        left -= Math.max(1, moved);
      }
      if (left > 0) removePortion(settling.upTo, bytes);
      before = { count: fresh.count, bytes: fresh.bytes };
    },
    settle() {
      // First, so that a full disk has room for the rows.
      remove(seq);
      for (const segment of fresh.sorted()) move(segment, Number.POSITIVE_INFINITY);
      forget();
    },
    reload,
  };
}

/** The same for a thread that only reads: `sync` brings it up to what its transaction sees. */
export interface JournalView {
  readonly fresh: FreshRows;
  sync(): void;
}

export function viewJournal(db: DatabaseSync): JournalView {
  const first = db.prepare('SELECT min(seq) AS seq FROM journal');
  const behind = db.prepare('SELECT seq, ops FROM journal WHERE seq > ? ORDER BY seq');
  const fresh = new FreshRows();
  const groups: Group[] = [];
  return {
    fresh,
    sync() {
      const begin = Number(first.get()?.['seq'] ?? Number.POSITIVE_INFINITY);
      const last = groups.at(-1)?.seq ?? 0;
      const gone = groups.findIndex(({ seq }) => seq >= begin);
      for (const { ops } of groups.splice(0, gone === -1 ? groups.length : gone)) fresh.dropAll(ops);
      for (const { seq, ops } of behind.all(last)) {
        if (!(ops instanceof Uint8Array)) continue;
        const group = { seq: Number(seq), ops: bufferOf(ops) };
        groups.push(group);
        fresh.takeAll(group.ops);
      }
    },
  };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
