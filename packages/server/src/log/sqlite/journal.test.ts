import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, expect, test } from 'vitest';
import { manualClock } from '../../runtime/manual-clock.ts';
import { verifyBatches } from '../chain.ts';
import { appended, created, dataOf, everything, read, texts, until, WIDE } from '../contract-answers.ts';
import { streamKey } from '../stream-key.ts';
import { openSqliteLog } from './sqlite-log.ts';

const root = mkdtempSync(join(tmpdir(), 'playhead-journal-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const keys = ['a', 'b', 'c'].map((name) => streamKey('acme', `tests/${name}`));
const [A, B] = keys as [(typeof keys)[0], (typeof keys)[0]];
const folder = (): string => mkdtempSync(join(root, 'log-'));

/** How many rows the journal has, and how many the tree. */
function rowsIn(path: string): { journal: number; batches: number } {
  const db = new DatabaseSync(join(path, 'log.db'), { readOnly: true });
  const count = (table: string) => Number(db.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.['n']);
  const found = { journal: count('journal'), batches: count('batches') };
  db.close();
  return found;
}

test('readers see no difference between what is in the journal and what was settled', async () => {
  const path = folder();
  await using log = await openSqliteLog({ folder: path, clock: manualClock() });
  for (const key of keys) await log.create(key);
  const wanted = Array.from({ length: 3000 }, (_, n) => `${n} ${'x'.repeat(500)}`);
  let before = 0;
  for (let from = 0; from < wanted.length; from += 500) {
    const some = wanted.slice(from, from + 500);
    const answers = await Promise.all(
      keys.flatMap((key) => some.map((text) => log.append(key, texts(text)))),
    );
    for (const answer of answers) appended(answer);
    for (const key of keys) {
      expect(await everything(log, key, 700)).toEqual(wanted.slice(0, from + 500));
      const { latest } = (await log.bounds(key)) ?? { latest: { epoch: '', offset: 0 } };
      const proven = { events: 1000, bytes: 1e9, proof: true };
      const slice = read(await log.read(key, { ...latest, offset: from }, proven));
      expect(dataOf(slice)).toEqual(some);
      expect(verifyBatches(slice.batches)).toMatchObject({ kind: 'intact' });
    }
    before = Math.max(before, rowsIn(path).journal);
  }
  expect(before).toBeGreaterThan(0);
  await until(() => rowsIn(path).batches > 0);
  for (const key of keys) expect(await everything(log, key, 700)).toEqual(wanted);
});

test('what a process that was killed left in the journal is settled at the next start', async () => {
  const path = folder();
  const copy = folder();
  await using log = await openSqliteLog({ folder: path, clock: manualClock() });
  await log.create(A);
  await Promise.all(['1', '2', '3'].map((text) => log.append(A, texts(text))));
  expect(rowsIn(path).journal).toBeGreaterThan(0);
  // A database may be copied where a process ends: here, between two commits.
  const db = new DatabaseSync(join(path, 'log.db'), { readOnly: true });
  db.exec(`VACUUM INTO '${join(copy, 'log.db')}'`);
  db.close();
  await using second = await openSqliteLog({ folder: copy, clock: manualClock() });
  expect(rowsIn(copy)).toEqual({ journal: 0, batches: 3 });
  expect(await everything(second, A)).toEqual(['1', '2', '3']);
  expect(appended(await second.append(A, texts('4'))).first).toBe(4);
});

test('rows that fill pages by themselves pass the journal, in order with those that do not', async () => {
  const path = folder();
  const copy = folder();
  await using log = await openSqliteLog({ folder: path, clock: manualClock() });
  for (const key of [A, B]) await log.create(key);
  const wanted: string[] = [];
  // In one group: small ones before and behind a large one of their own stream, and of another.
  for (let round = 0; round < 5; round++) {
    const some = [0, 1, 2, 3, 4].map((n) => `${round}.${n} ${'x'.repeat(n === 2 ? 20_000 : 20)}`);
    await Promise.all([...some.map((text) => log.append(A, texts(text))), log.append(B, texts(`b${round}`))]);
    wanted.push(...some);
    // The page of a reader may begin before, at and behind a row of either kind.
    for (const limit of [1, 2, 7]) expect(await everything(log, A, limit)).toEqual(wanted);
  }
  expect(await everything(log, B)).toEqual(['b0', 'b1', 'b2', 'b3', 'b4']);
  const { start } = (await log.bounds(A)) ?? { start: { epoch: '', offset: 0 } };
  const slice = read(await log.read(A, start, { ...WIDE, proof: true }));
  expect(verifyBatches(slice.batches)).toMatchObject({ kind: 'intact', events: 25 });
  const db = new DatabaseSync(join(path, 'log.db'), { readOnly: true });
  db.exec(`VACUUM INTO '${join(copy, 'log.db')}'`);
  const large = db.prepare('SELECT count(*) AS n FROM journal WHERE length(ops) > 16384').get();
  db.close();
  expect(large?.['n']).toBe(0);
  await using second = await openSqliteLog({ folder: copy, clock: manualClock() });
  expect(await everything(second, A)).toEqual(wanted);
});

test('a fork of what is in the journal, and the deletion of its source, lose nothing', async () => {
  const clock = manualClock();
  await using log = await openSqliteLog({ folder: folder(), clock });
  const source = created(await log.create(A));
  await Promise.all(['1', '2', '3'].map((text) => log.append(A, texts(text))));
  await log.fork(A, { ...source.start, offset: 2 }, B);
  await Promise.all([log.append(A, texts('4')), log.append(B, texts('b3')), log.delete(A)]);
  clock.advance(5000);
  expect(await everything(log, B)).toEqual(['1', '2', 'b3']);
});

test('D-5 what is erased is nowhere in the file, whether it had been settled or not', async () => {
  const path = folder();
  const clock = manualClock();
  const log = await openSqliteLog({ folder: path, clock });
  const { start } = created(await log.create(A));
  await Promise.all(['before', 'settled-secret', 'after'].map((text) => log.append(A, texts(text))));
  clock.advance(5000);
  await until(() => rowsIn(path).journal === 0);
  await log.append(A, texts('fresh-secret', 'kept'));
  expect(await log.redact(A, { ...start, offset: 2 })).toBe(true);
  expect(await log.redact(A, { ...start, offset: 4 })).toBe(true);
  const slice = read(await log.read(A, start, { ...WIDE, proof: true }));
  const data = slice.batches.flatMap(({ events }) => events.map((event) => event.data));
  expect(data).toEqual(['before', null, 'after', null, 'kept']);
  expect(verifyBatches(slice.batches)).toMatchObject({ kind: 'intact', events: 5 });
  await log[Symbol.asyncDispose]();
  const file = readFileSync(join(path, 'log.db'), 'latin1');
  expect(file).toContain('kept');
  expect(file).not.toContain('secret');
});
