import type { DatabaseSync } from 'node:sqlite';
import { Worker } from 'node:worker_threads';

/**
 * Commits go into SQLite's write-ahead log, which has to be brought into the database's file before it grows too long.
 * That takes tens of milliseconds, most of them waiting for the disk, in which no commit should wait:
 *
 *     a commit finds the log long ──▶ the thread brings it in, and again what came meanwhile, until little is left
 *                                              ──▶ between two commits the rest
 *
 * After that the log begins anew with the next commit. Without the rest it never would: there is always a newer commit.
 */
export interface Checkpoints {
  /** To be called after each commit. */
  committed(): void;
  /** Ends the thread. */
  stop(): Promise<void>;
}

/** Pages of 4 KiB that the log may hold beyond what was brought in. */
const PAGES_MAX = 4_000;
/** To look at how long it is costs as much as a small row: every so many commits is enough. */
const LOOK_EVERY = 32;
/** So many pages are a short rest. */
const REST = 256;
/** How often the thread tries to leave no more than that: it may be slower than commits are. */
const TRIES = 8;

/** `db` is the connection that writes. The thread is not started before it is needed. */
export function openCheckpoints(db: DatabaseSync, folder: string): Checkpoints {
  const look = db.prepare('PRAGMA wal_checkpoint(NOOP)');
  const bringIn = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');
  let worker: Worker | undefined;
  let busy = false;
  let tries = 0;
  let commits = 0;

  function left(): number {
    const found = look.get();
    return Number(found?.['log']) - Number(found?.['checkpointed']);
  }

  function start(): Worker {
    const started = new Worker(new URL('./checkpoint-thread.ts', import.meta.url), {
      workerData: { folder },
      execArgv: [],
    });
    started.on('message', () => {
      tries += 1;
      if (left() > REST && tries < TRIES) {
        started.postMessage('checkpoint');
        return;
      }
      try {
        bringIn.get();
      } catch {
        // A full disk: it stays in the log, and the next time tries again.
      }
      tries = 0;
      busy = false;
    });
    // Without it SQLite does the same by itself, in the way of commits, once the log is much longer.
    started.on('error', () => {
      busy = true;
    });
    return started;
  }

  return {
    committed() {
      commits += 1;
      if (busy || commits % LOOK_EVERY !== 0 || left() < PAGES_MAX) return;
      busy = true;
      worker ??= start();
      worker.postMessage('checkpoint');
    },
    async stop() {
      busy = true;
      await worker?.terminate();
    },
  };
}
