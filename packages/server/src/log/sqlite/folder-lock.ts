import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { PlayheadError } from '@playhead/protocol';

/**
 * Makes the data folder (mode 0700, files 0600) this process's own until disposed: two servers that sequence
 * into one database would each overwrite what the other knows. Throws `conflict` if another holds it. The lock is
 * the operating system's on a file, taken through SQLite, so it goes when the process does, however it goes.
 */
export function lockFolder(folder: string): Disposable {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  chmodSync(folder, 0o700);
  const file = join(folder, 'log.lock');
  for (const name of [file, join(folder, 'log.db')]) {
    // SQLite gives the files that it adds (-wal, -shm) the mode of the database.
    closeSync(openSync(name, 'a', 0o600));
    chmodSync(name, 0o600);
  }
  const db = new DatabaseSync(file, { timeout: 0 });
  try {
    db.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE');
  } catch (cause) {
    db.close();
    throw new PlayheadError('conflict', 'The data folder is in use by another server.', { cause });
  }
  return { [Symbol.dispose]: () => db.close() };
}
