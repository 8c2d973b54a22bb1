import { openForReading } from './schema.ts';

/** Which names are taken, by a stream or by a deleted one that forks still need (L9), as far as is committed. */
export interface TakenNames extends Disposable {
  /** False only if it is free for certain. Never throws: what cannot be looked up here, a reader will complain of. */
  has(key: string): boolean;
}

/**
 * Asks the database on the thread of whoever asks: two look-ups in an index take some microseconds, the way to a reader
 * and back a hundred times that, and most names that are new to the server are new altogether.
 */
export function openTakenNames(folder: string): TakenNames {
  const db = openForReading(folder, CACHE_KIB);
  const taken = db.prepare(
    `SELECT EXISTS (SELECT 1 FROM streams WHERE key = ?1) OR EXISTS (SELECT 1 FROM graves WHERE key = ?1) AS taken`,
  );
  return {
    has(key) {
      try {
        return taken.get(key)?.['taken'] !== 0;
      } catch {
        return true;
      }
    },
    [Symbol.dispose]: () => db.close(),
  };
}

const CACHE_KIB = 2_048;
