import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, expect, test } from 'vitest';
import { openCheckpoints } from './checkpoints.ts';
import { openForReading, openForWriting } from './schema.ts';

const root = mkdtempSync(join(tmpdir(), 'playhead-checkpoints-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test('the write-ahead log begins anew though commits never pause', async () => {
  const db = openForWriting(root, { sync: 'normal', capacity: undefined });
  const checkpoints = openCheckpoints(db, root);
  const insert = db.prepare('INSERT INTO journal VALUES (?, zeroblob(?))');
  const look = db.prepare('PRAGMA wal_checkpoint(NOOP)');
  const pages = (): number => Number(look.get()?.['log']);
  let seq = 0;
  let most = 0;
  const commit = (size: number): void => {
    insert.run(++seq, size);
    checkpoints.committed();
    most = Math.max(most, pages());
  };
  while (pages() < 4_500) commit(400_000);
  // It is at its end by now, and every commit adds to it, until it begins anew.
  while (pages() >= 4_500) {
    commit(10);
    await delay(1);
  }
  expect(most).toBeGreaterThan(4_500);
  await checkpoints.stop();
  const reader = openForReading(root);
  expect(reader.prepare('SELECT count(*) AS n FROM journal').get()?.['n']).toBe(seq);
  reader.close();
  db.close();
});
