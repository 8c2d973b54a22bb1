import { parentPort, workerData } from 'node:worker_threads';
import { openForCheckpoints } from './schema.ts';

// Brings what was committed into the database's file, while commits go on.

const port = parentPort;
if (port === null) throw new Error('This module is a worker.');
const { folder } = workerData as { readonly folder: string };
const db = openForCheckpoints(folder);
const checkpoint = db.prepare('PRAGMA wal_checkpoint(PASSIVE)');

port.on('message', () => {
  try {
    checkpoint.get();
  } catch {
    // A full disk: what is in the write-ahead log stays there, and the next time tries again.
  }
  port.postMessage('done');
});
