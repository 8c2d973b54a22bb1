import { closeSync, fchmodSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { checkRecordId } from '../record-id.ts';
import type { Collection, RecordQuery, Records } from '../records.ts';

const SCHEMA = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = NORMAL;
  PRAGMA busy_timeout = 2000;
  CREATE TABLE IF NOT EXISTS records (
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (collection, id)
  ) WITHOUT ROWID, STRICT;
`;

/** Behind every printable ASCII character, so behind every id with a given prefix. */
const BEHIND = '\x7f';

/**
 * Records in one SQLite file, on the calling thread: they are few, small and off the hot path, and a lookup by
 * key takes microseconds. Every `put` is committed when it resolves and survives the process; a power cut may take
 * the last ones, never the file: waiting for the disk would hold up every stream on this thread. The file, and the journal
 * files that SQLite makes in its likeness, can be read by their owner alone: they hold the hashes of keys.
 *
 * Throws the system's or SQLite's error if the file cannot be had.
 */
export function sqliteRecords(file: string): Records {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // Made before SQLite does, which would take the umask's permissions; and tightened if it is there.
  const descriptor = openSync(file, 'a', 0o600);
  fchmodSync(descriptor, 0o600);
  closeSync(descriptor);
  const database = new DatabaseSync(file);
  database.exec(SCHEMA);
  const statements = {
    get: database.prepare('SELECT value FROM records WHERE collection = ? AND id = ?'),
    put: database.prepare('INSERT OR REPLACE INTO records (collection, id, value) VALUES (?, ?, ?)'),
    add: database.prepare('INSERT OR IGNORE INTO records (collection, id, value) VALUES (?, ?, ?)'),
    delete: database.prepare('DELETE FROM records WHERE collection = ? AND id = ?'),
    list: database.prepare(
      'SELECT id, value FROM records WHERE collection = ? AND id > ? AND id >= ? AND id < ? ORDER BY id LIMIT ?',
    ),
  };

  function collection<T>(name: string): Collection<T> {
    return {
      async get(id) {
        const row = statements.get.get(name, id);
        return row === undefined ? undefined : (JSON.parse(String(row['value'])) as T);
      },
      async put(id, value) {
        checkRecordId(id);
        statements.put.run(name, id, JSON.stringify(value));
      },
      async add(id, value) {
        checkRecordId(id);
        return Number(statements.add.run(name, id, JSON.stringify(value)).changes) > 0;
      },
      async delete(id) {
        return Number(statements.delete.run(name, id).changes) > 0;
      },
      async list({ prefix = '', after = '', limit = -1 }: RecordQuery = {}) {
        return statements.list
          .all(name, after, prefix, prefix + BEHIND, limit)
          .map((row) => ({ id: String(row['id']), value: JSON.parse(String(row['value'])) as T }));
      },
    };
  }

  return {
    collection,
    async [Symbol.asyncDispose]() {
      if (database.isOpen) database.close();
    },
  };
}
