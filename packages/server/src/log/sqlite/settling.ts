import type { DatabaseSync } from 'node:sqlite';
import type { Checkpoints } from './checkpoints.ts';
import type { Journal } from './journal.ts';

/** When the journal is settled, in transactions of its own. */
export interface Settling {
  /** After a commit: begins once enough has gathered. */
  committed(): void;
  /** Before a round of retention, which looks at the tree alone: what is in the journal gets there in time. */
  round(): void;
  /** Settles everything at once. */
  all(): void;
}

/** Between two portions, ms: on a busy machine whoever waits for a commit is to have the processor, too. */
const PACE_MS = 20;
/** Every so many rounds of retention the journal is settled, however little is in it. */
const ROUNDS = 5;
/** So few rows are settled at once, at every round. */
const FEW = 64;

export function openSettling(
  db: DatabaseSync,
  journal: Journal,
  checkpoints: Checkpoints,
  sync: 'normal' | 'full',
): Settling {
  let rounds = 0;

  /** False if the disk is full: then the journal is as it was, and the next time tries again. */
  function settle(move: () => void): boolean {
    try {
      // Nobody was promised anything by it: a power cut that undoes it loses nothing, and the next commit is forced to disk
      // with all that came before.
      if (sync === 'full') db.exec('PRAGMA synchronous = NORMAL');
      db.exec('BEGIN IMMEDIATE');
      move();
      db.exec('COMMIT');
      checkpoints.committed();
      return true;
    } catch {
      if (db.isTransaction) db.exec('ROLLBACK');
      journal.reload();
      return false;
    } finally {
      if (sync === 'full') db.exec('PRAGMA synchronous = FULL');
    }
  }

  const all = (): boolean => settle(() => journal.settle());

  function portion(): void {
    // Something may have settled everything meanwhile.
    if (!journal.settling) return;
    // At once it takes no more room than it had.
    if (!settle(() => journal.portion()) && !all()) return;
    setTimeout(portion, PACE_MS);
  }

  function begin(): void {
    if (journal.settling) return;
    journal.begin();
    setTimeout(portion, PACE_MS);
  }

  return {
    committed() {
      if (journal.full) begin();
    },
    round() {
      const { count } = journal.fresh;
      rounds = count === 0 ? 0 : rounds + 1;
      if (rounds > 0 && count <= FEW) all();
      else if (rounds >= ROUNDS) begin();
      else return;
      rounds = 0;
    },
    all: () => void all(),
  };
}
