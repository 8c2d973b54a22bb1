import type { DatabaseSync } from 'node:sqlite';
import { FreshRows } from './fresh-rows.ts';
import { ROW_KEY } from './schema.ts';

/**
 * What was committed lately, as it came: one row a group, however many streams it is about. To put each batch into the
 * tree at once would write a page for each stream with every commit; here a group is some pages one behind the other, and
 * the tree gets what has gathered for a stream together. Nobody can tell the difference: readers look into both.
 *
 *     commit ──▶ journal (a row a group) ──settle──▶ batches (a row a batch, in the order of reading)
 */
export interface Journal {
  /** What is in the journal and not yet in the tree. */
  readonly fresh: FreshRows;
  /** Whether so much has gathered that it should be settled. */
  readonly full: boolean;
  /** Adds a group's batch ops, sealed, within the group's transaction. The memory must stay as it is. */
  add(ops: Buffer): void;
  /**
   * Puts a sealed row into the tree past the journal, within the group's transaction. Nothing of its segment may be in
   * the journal: that stands behind what is in the tree.
   */
  pass(segment: number, first: number, total: number, row: Buffer): void;
  /** Moves everything into the tree, within a transaction of the caller's. */
  settle(): void;
  /** After a transaction failed: `fresh` is what the database has. */
  reload(): void;
}

/** A row of so many bytes fills pages by itself: it would share none with others, and the journal would write it twice. */
export const OWN_PAGES: number = 16 * 1024;

/** Settled together: enough that many rows of a stream share a page, little enough that no commit waits long. */
const ROWS_MAX = 4096;
const BYTES_MAX = 2 * 2 ** 20;

export function openJournal(db: DatabaseSync): Journal {
  const insert = db.prepare('INSERT INTO journal VALUES (?, ?)');
  const groups = db.prepare('SELECT ops FROM journal ORDER BY seq');
  const last = db.prepare('SELECT coalesce(max(seq), 0) AS seq FROM journal');
  const clear = db.prepare('DELETE FROM journal');
  const insertBatch = db.prepare(`INSERT INTO batches (id, total, body) VALUES (${ROW_KEY}, ?, ?)`);
  const fresh = new FreshRows();
  let seq = 0;

  function reload(): void {
    fresh.clear();
    for (const { ops } of groups.all()) if (ops instanceof Uint8Array) fresh.takeAll(bufferOf(ops));
    seq = Math.max(seq, Number(last.get()?.['seq']));
  }

  reload();
  return {
    fresh,
    get full() {
      return fresh.count >= ROWS_MAX || fresh.bytes >= BYTES_MAX;
    },
    add(ops) {
      // Never used again within a process: readers know by it what they have seen.
      seq += 1;
      insert.run(seq, ops);
    },
    pass(segment, first, total, row) {
      insertBatch.run(segment, first, total, row);
    },
    settle() {
      // First, so that a full disk has room for the rows; overwritten, so that what is erased later is not found here.
      db.exec('PRAGMA secure_delete = ON');
      clear.run();
      db.exec('PRAGMA secure_delete = OFF');
      for (const [segment, rows] of fresh.sorted())
        for (const { row, total, bytes } of rows) insertBatch.run(segment, row.first, total, bytes);
      fresh.clear();
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
  const span = db.prepare(
    'SELECT (SELECT min(seq) FROM journal) AS first, (SELECT max(seq) FROM journal) AS last',
  );
  const behind = db.prepare('SELECT seq, ops FROM journal WHERE seq > ? ORDER BY seq');
  const fresh = new FreshRows();
  let first = 0;
  let last = 0;
  return {
    fresh,
    sync() {
      const found = span.get();
      const begin = Number(found?.['first'] ?? 0);
      const end = Number(found?.['last'] ?? 0);
      if (begin !== first || end < last) {
        fresh.clear();
        first = begin;
        last = begin - 1;
      }
      if (end <= last) return;
      for (const { ops } of behind.all(last)) if (ops instanceof Uint8Array) fresh.takeAll(bufferOf(ops));
      last = end;
    },
  };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
