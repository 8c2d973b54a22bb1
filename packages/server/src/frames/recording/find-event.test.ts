import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { openSqliteLog } from '../../log/sqlite/sqlite-log.ts';
import { streamKey } from '../../log/stream-key.ts';
import { manualClock } from '../../runtime/manual-clock.ts';
import { findEvent } from './find-event.ts';

const root = mkdtempSync(join(tmpdir(), 'playhead-find-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const KEY = streamKey('acme', 'test/recording');

test('P-562 the last event of a time is found, also in the history before a machine was lost', async () => {
  const clock = manualClock();
  const begin = clock.now();
  const options = { folder: root, clock };
  // Machine by machine, so many batches of two events, a second apart.
  const machines = [5, 0, 1, 9];
  for (const [boot, batches] of machines.entries()) {
    await using log = await openSqliteLog({ ...options, bootId: `boot-${boot}` });
    if (boot === 0) await log.create(KEY);
    for (let i = 0; i < batches; i++) {
      await log.append(KEY, [
        { type: 'text', data: '1' },
        { type: 'text', data: '2' },
      ]);
      clock.advance(1000);
    }
    await log[Symbol.asyncDispose]();
    const db = new DatabaseSync(join(root, 'log.db'));
    // As a machine leaves it whose power failed.
    db.exec("UPDATE meta SET value = '0' WHERE name = 'clean'");
    db.close();
  }
  await using log = await openSqliteLog({ ...options, bootId: 'last' });
  const bounds = await log.bounds(KEY);
  if (bounds === undefined) throw new Error('no stream');
  expect(bounds.epochIndex).toBe(4);
  const found: string[] = [];
  for (let time = begin - 500; time <= clock.now() + 500; time += 500) {
    const at = await findEvent(log, KEY, bounds, time);
    found.push(at === undefined ? '-' : String(at.offset));
  }
  const counted = machines.flatMap((batches) =>
    Array.from({ length: batches }, (_, i) => [`${i * 2 + 2}`, `${i * 2 + 2}`]).flat(),
  );
  expect(found).toEqual(['-', ...counted, '18', '18']);
});
