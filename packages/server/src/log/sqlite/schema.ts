import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';

/**
 * What stands on disk.
 *
 * - A stream has one segment per epoch; the one with the greatest id is current.
 * - A batch is a row keyed by `segment << 37 | first offset`: one tree, in the order of reading, without an index.
 *   `total` counts the stored bytes of the segment up to and with the row, so the size of any range is a
 *   difference of two rows. The body tells everything else of itself (batch-codec.ts).
 * - Before that it stands in the journal, a row a group of commits: see journal.ts.
 * - What a segment lost is told by `earliest` and `floor` (the oldest retained offset, and the total before it),
 *   which may run ahead of what was really removed: `gone`, `gone_total`, `gone_time` and `head` (the chain's value)
 *   stand behind the last row removed. Rows that a fork still reads are removed when the fork needs them no more.
 * - A fork's segment names `base`, which holds what it inherited, up to and with offset `base_last`. Its own totals
 *   begin at 0, so its `floor` is minus what it inherited.
 * - A segment without a stream was deleted; it goes when its rows have gone.
 * - A deleted stream whose forks (`parent` names what was forked) are left is a grave: its name stays taken.
 */
const SCHEMA = `
CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS streams (
  id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, config TEXT NOT NULL, closed INTEGER NOT NULL,
  created REAL NOT NULL, touched REAL NOT NULL, epoch_index INTEGER NOT NULL, parent INTEGER, ordinal TEXT
);
CREATE TABLE IF NOT EXISTS graves (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, parent INTEGER);
CREATE TABLE IF NOT EXISTS segments (
  id INTEGER PRIMARY KEY, stream INTEGER, epoch TEXT NOT NULL, base INTEGER, base_last INTEGER,
  earliest INTEGER NOT NULL, floor INTEGER NOT NULL,
  gone INTEGER NOT NULL, gone_total INTEGER NOT NULL, gone_time REAL NOT NULL, head BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS streams_parent ON streams (parent) WHERE parent IS NOT NULL;
CREATE INDEX IF NOT EXISTS graves_parent ON graves (parent) WHERE parent IS NOT NULL;
CREATE INDEX IF NOT EXISTS segments_stream ON segments (stream, id);
CREATE INDEX IF NOT EXISTS segments_base ON segments (base) WHERE base IS NOT NULL;
CREATE INDEX IF NOT EXISTS segments_age ON segments (gone_time);
CREATE TABLE IF NOT EXISTS journal (seq INTEGER PRIMARY KEY, ops BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS batches (id INTEGER PRIMARY KEY, total INTEGER NOT NULL, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS writers (
  stream INTEGER NOT NULL, writer TEXT NOT NULL, epoch INTEGER NOT NULL, sequence INTEGER NOT NULL,
  recent TEXT NOT NULL, PRIMARY KEY (stream, writer)
) WITHOUT ROWID;
`;

export const FORMAT = '2';

/**
 * From format 1, which knew neither forks that hold a name nor ordinals. A stream of the name that a fork was made from
 * is its parent only if it is older: the name may have been used again.
 */
const FROM_1 = `
BEGIN IMMEDIATE;
ALTER TABLE streams ADD COLUMN parent INTEGER;
ALTER TABLE streams ADD COLUMN ordinal TEXT;
UPDATE streams SET parent = (
  SELECT source.id FROM streams AS source
  WHERE source.key = json_extract(streams.config, '$.forkedFrom.source') AND source.id < streams.id
) WHERE json_extract(config, '$.forkedFrom.source') IS NOT NULL;
UPDATE meta SET value = '2' WHERE name = 'format';
COMMIT;
`;

/** The most events of one epoch: what is left of a key beside the segment. */
export const OFFSET_MAX: number = 2 ** 37 - 1;

/** How a row's key is made in SQL: both parameters are whole numbers. */
export const ROW_KEY = '((? << 37) | ?)';

function databaseFile(folder: string): string {
  return join(folder, 'log.db');
}

export interface WriterSettings {
  readonly sync: 'normal' | 'full';
  /** Bytes that the database may take on disk; beyond them appends fail with `storage-full`. */
  readonly capacity: number | undefined;
}

export function openForWriting(folder: string, settings: WriterSettings): DatabaseSync {
  const db = new DatabaseSync(databaseFile(folder), { timeout: 5_000 });
  db.exec('PRAGMA page_size = 4096; PRAGMA journal_mode = WAL;');
  db.exec(`PRAGMA synchronous = ${settings.sync === 'full' ? 'FULL' : 'NORMAL'};`);
  db.exec(
    // The log is brought in by a thread of its own (checkpoints.ts): this is for when that has failed.
    'PRAGMA wal_autocheckpoint = 32000; PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384;',
  );
  migrate(db);
  db.exec(SCHEMA);
  if (settings.capacity !== undefined) {
    db.exec(`PRAGMA max_page_count = ${Math.max(64, Math.floor(settings.capacity / 4096))};`);
  }
  return db;
}

function migrate(db: DatabaseSync): void {
  const known = db.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'meta'").get();
  if (known === undefined) return;
  const format = db.prepare("SELECT value FROM meta WHERE name = 'format'").get()?.['value'];
  if (format === '1') db.exec(FROM_1);
}

export function openForCheckpoints(folder: string): DatabaseSync {
  return new DatabaseSync(databaseFile(folder));
}

export function openForReading(folder: string, cacheKib = 16_384): DatabaseSync {
  const db = new DatabaseSync(databaseFile(folder), { readOnly: true, timeout: 5_000 });
  db.exec(`PRAGMA cache_size = -${cacheKib};`);
  return db;
}
