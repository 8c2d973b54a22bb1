import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { manualClock } from '../../runtime/manual-clock.ts';
import { verifyBatches } from '../chain.ts';
import {
  appended,
  bounds,
  created,
  dataOf,
  everything,
  read,
  texts,
  until,
  WIDE,
} from '../contract-answers.ts';
import { streamKey } from '../stream-key.ts';
import { openSqliteLog, type SqliteLogOptions } from './sqlite-log.ts';

const root = mkdtempSync(join(tmpdir(), 'playhead-restart-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const A = streamKey('acme', 'tests/a');
const B = streamKey('acme', 'tests/b');
const clock = manualClock();

function setup(options: Partial<SqliteLogOptions> = {}): SqliteLogOptions {
  return { folder: mkdtempSync(join(root, 'log-')), clock, ...options };
}

test('L3 everything is as it was after a restart, and numbering goes on', async () => {
  const options = setup();
  const guard = { kind: 'writer', id: 'w', epoch: 0, sequence: 0 } as const;
  const first = await openSqliteLog(options);
  const made = created(
    await first.create(A, { contentType: 'text/plain', ttl: 1e9, events: texts('1', '2') }),
  );
  const written = appended(await first.append(A, texts('3'), { guard }));
  await first.create(B, { closed: true });
  await first.fork(A, { ...made.start, offset: 2 }, streamKey('acme', 'tests/c'), { events: texts('c3') });
  const before = await first.bounds(A);
  await first[Symbol.asyncDispose]();
  await using log = await openSqliteLog(options);
  expect(await log.bounds(A)).toEqual(before);
  expect((await log.append(B, texts('x'))).kind).toBe('closed');
  expect(await log.append(A, texts('3'), { guard })).toEqual({
    kind: 'repeated',
    position: written.position,
    ...{ sequence: 0, newest: 0, closed: false },
  });
  expect(appended(await log.append(A, texts('4'))).position).toEqual({ ...written.position, offset: 4 });
  const slice = read(await log.read(A, made.start, { ...WIDE, proof: true }));
  expect(dataOf(slice)).toEqual(['1', '2', '3', '4']);
  expect(verifyBatches(slice.batches)).toMatchObject({ kind: 'intact', events: 4 });
  expect(await everything(log, streamKey('acme', 'tests/c'))).toEqual(['1', '2', 'c3']);
  expect(created(await log.create(streamKey('acme', 'tests/d'))).latest.epoch > made.latest.epoch).toBe(true);
});

test('L3 L9 ordinals, graves and the positions of sources outlive a restart', async () => {
  const options = setup();
  const first = await openSqliteLog(options);
  const made = created(await first.create(A, { events: texts('1') }));
  await first.append(A, texts('2'), { ordinal: 'b' });
  await first.fork(A, made.latest, B);
  const C = streamKey('acme', 'tests/c');
  await first.create(C);
  await first.append(C, texts('x'), { ordinal: 'b' });
  await first.delete(A);
  await first[Symbol.asyncDispose]();
  await using log = await openSqliteLog(options);
  expect(await log.gone(A)).toBe(true);
  expect(await log.create(A)).toEqual({ kind: 'gone' });
  expect(dataOf(read(await log.read(B, made.start, WIDE)))).toEqual(['1']);
  expect(await log.append(C, texts('y'), { ordinal: 'a' })).toEqual({ kind: 'out-of-order', newest: 'b' });
  await log.delete(B);
  expect((await log.create(A)).kind).toBe('created');
});

test('L9 a grave that a crash left without a fork is removed by retention', async () => {
  const options = setup();
  const first = await openSqliteLog(options);
  const made = created(await first.create(A));
  await first.fork(A, made.latest, B);
  await first.delete(A);
  await first[Symbol.asyncDispose]();
  const { DatabaseSync } = await import('node:sqlite');
  const db = new DatabaseSync(join(options.folder, 'log.db'));
  db.exec('DELETE FROM streams');
  db.close();
  await using _ = await openSqliteLog(options);
  const reader = new DatabaseSync(join(options.folder, 'log.db'), { readOnly: true });
  clock.advance(5000);
  await until(() => reader.prepare('SELECT count(*) AS left FROM graves').get()?.['left'] === 0);
  reader.close();
});

test('a log of format 1 is brought to the present one, with the forks that it has', async () => {
  const options = setup();
  const first = await openSqliteLog(options);
  const made = created(await first.create(A, { events: texts('1') }));
  await first.fork(A, made.latest, B);
  await first[Symbol.asyncDispose]();
  const { DatabaseSync } = await import('node:sqlite');
  const db = new DatabaseSync(join(options.folder, 'log.db'));
  db.exec(`DROP INDEX streams_parent; DROP TABLE graves; ALTER TABLE streams DROP COLUMN parent;
    ALTER TABLE streams DROP COLUMN ordinal; UPDATE meta SET value = '1' WHERE name = 'format'`);
  db.close();
  await using log = await openSqliteLog(options);
  expect(await everything(log, B)).toEqual(['1']);
  await log.append(B, texts('2'), { ordinal: '1' });
  await log.delete(A);
  expect(await log.gone(A)).toBe(true);
  await log.delete(B);
  expect(await log.gone(A)).toBe(false);
});

/** A folder as a process that was killed leaves it: the database was not marked as closed. */
async function killed(options: SqliteLogOptions): Promise<void> {
  const { DatabaseSync } = await import('node:sqlite');
  const db = new DatabaseSync(join(options.folder, 'log.db'));
  db.exec("UPDATE meta SET value = '0' WHERE name = 'clean'");
  db.close();
}

test('L4 D-3 after an unclean stop of the machine every open stream has a new epoch behind the old one', async () => {
  const options = setup({ bootId: 'one' });
  const first = await openSqliteLog(options);
  const old = created(await first.create(A, { events: texts('1', '2') }));
  await first.create(B, { events: texts('b'), closed: true });
  await first[Symbol.asyncDispose]();
  await killed(options);
  await using log = await openSqliteLog({ ...options, bootId: 'two' });
  const now = bounds(await log.bounds(A));
  expect(now.epochIndex).toBe(1);
  expect(now.latest.epoch > old.latest.epoch).toBe(true);
  expect([now.start, now.latest.offset]).toEqual([old.start, 0]);
  expect(dataOf(read(await log.read(A, now.start, WIDE)))).toEqual(['1', '2']);
  const resume = { epoch: now.latest.epoch, offset: 0 };
  for (const offset of [2, 9]) {
    const slice = await log.read(A, { ...old.latest, offset }, WIDE);
    expect(slice).toEqual({ kind: 'lost', missed: null, resume, latest: now.latest });
  }
  expect(appended(await log.append(A, texts('new'))).position).toEqual({ ...resume, offset: 1 });
  const slice = read(await log.read(A, resume, { ...WIDE, proof: true }));
  expect(verifyBatches(slice.batches)).toMatchObject({ kind: 'intact', events: 1 });
  expect((await log.bounds(B))?.epochIndex).toBe(0);
});

test('L4 D-3 the same boot, a clean stop, or full sync: nothing can be lost, so the epoch stays', async () => {
  for (const [unclean, sync, boot] of [
    [true, 'normal', 'one'],
    [false, 'normal', 'two'],
    [true, 'full', 'two'],
  ] as const) {
    const options = setup({ bootId: 'one', sync });
    const first = await openSqliteLog(options);
    const old = created(await first.create(A, { events: texts('1') }));
    await first[Symbol.asyncDispose]();
    if (unclean) await killed(options);
    await using log = await openSqliteLog({ ...options, bootId: boot });
    expect((await log.bounds(A))?.latest).toEqual(old.latest);
  }
});

test('D-3 a second opener is refused until the first has gone', async () => {
  const options = setup();
  const first = await openSqliteLog(options);
  await expect(openSqliteLog(options)).rejects.toMatchObject({ code: 'conflict' });
  await first.create(A);
  await first[Symbol.asyncDispose]();
  await using log = await openSqliteLog(options);
  expect(await log.bounds(A)).toBeDefined();
});

test('the folder and its files are for their owner only', async () => {
  const options = setup();
  await using log = await openSqliteLog(options);
  await log.create(A, { events: texts('1') });
  expect(statSync(options.folder).mode & 0o777).toBe(0o700);
  for (const name of readdirSync(options.folder)) {
    expect([name, statSync(join(options.folder, name)).mode & 0o777]).toEqual([name, 0o600]);
  }
});

test('D-6 a full disk refuses appends, loses nothing, and recovers when there is room again', async () => {
  const options = setup({ capacity: 600_000 });
  await using log = await openSqliteLog(options);
  const { start } = created(await log.create(A, { retention: { maxAge: null, maxBytes: 2 ** 30 } }));
  await log.create(B, { events: texts('x'.repeat(150_000)) });
  const acknowledged: string[] = [];
  const full: unknown[] = [];
  for (let round = 0; full.length === 0 && round < 100; round++) {
    const asked = Array.from({ length: 5 }, (_, i) => `${round}.${i} ${'x'.repeat(4000)}`);
    const answers = await Promise.allSettled(asked.map((text) => log.append(A, texts(text))));
    for (const [i, answer] of answers.entries()) {
      if (answer.status === 'fulfilled') acknowledged.push(asked[i] ?? '');
      else full.push(answer.reason);
    }
  }
  expect(full[0]).toMatchObject({ code: 'storage-full' });
  expect((await log.bounds(A))?.latest.offset).toBe(acknowledged.length);
  expect(dataOf(read(await log.read(A, start, WIDE)))).toEqual(acknowledged);
  // What frees room must itself find room: the deletion is retried as a caller would.
  await until(() => log.delete(B).catch(() => false));
  await until(async () => {
    clock.advance(1000);
    const answer = await log.append(A, texts('after')).catch(() => undefined);
    return answer?.kind === 'appended';
  });
  const slice = read(await log.read(A, start, { ...WIDE, proof: true }));
  expect(dataOf(slice)).toEqual([...acknowledged, 'after']);
  expect(verifyBatches(slice.batches).kind).toBe('intact');
});

test('D-6 beyond the bound of all streams the oldest events go, whosever they are', async () => {
  const options = setup({ totalBytes: 400_000 });
  await using log = await openSqliteLog(options);
  await log.create(A, { retention: { maxAge: null } });
  await log.create(B, { retention: { maxAge: null } });
  for (let i = 0; i < 40; i++) await log.append(A, texts('a'.repeat(10_000)));
  clock.advance(10);
  for (let i = 0; i < 20; i++) await log.append(B, texts('b'.repeat(10_000)));
  await until(async () => {
    clock.advance(1000);
    return ((await log.bounds(A))?.earliest.offset ?? 0) > 20;
  });
  expect((await log.bounds(B))?.earliest.offset).toBe(1);
});

test('D-2 there is no room while too much is uncommitted', async () => {
  await using log = await openSqliteLog(setup({ uncommittedBytes: 100_000 }));
  await log.create(A);
  const appends = Array.from({ length: 20 }, () => log.append(A, texts('x'.repeat(10_000))));
  const room = log.room();
  expect(room).toBeInstanceOf(Promise);
  await room;
  expect(log.room()).toBeUndefined();
  await Promise.all(appends);
});

test('D-6 appends of all callers fail with a failed commit, and the next ones build on what was committed', async () => {
  await using log = await openSqliteLog(setup({ capacity: 400_000 }));
  const { start } = created(await log.create(A, { events: texts('1') }));
  await log.create(B, { events: texts('1') });
  const answers = await Promise.allSettled([
    log.append(A, texts('2')),
    log.append(A, texts('x'.repeat(1_000_000))),
    log.append(A, texts('3')),
    log.append(B, texts('2')),
  ]);
  expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected']);
  expect((await log.bounds(B))?.latest.offset).toBe(1);
  expect(appended(await log.append(A, texts('again'))).first).toBe(2);
  expect(dataOf(read(await log.read(A, start, WIDE)))).toEqual(['1', 'again']);
});
