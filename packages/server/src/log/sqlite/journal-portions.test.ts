import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { encodeRow, rowAt } from '../batch-codec.ts';
import { ByteSink } from '../byte-sink.ts';
import { type Journal, openJournal, viewJournal } from './journal.ts';
import { BATCH_OP, OP_HEADER } from './messages.ts';
import { openRanges } from './row-ranges.ts';
import { openRows, viewOf } from './rows.ts';
import { openForReading, openForWriting, ROW_KEY } from './schema.ts';

const root = mkdtempSync(join(tmpdir(), 'playhead-settling-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const SEGMENTS = 5;

/** What should be read of a segment: the offsets of its rows, one event each, and the sum of their bytes so far. */
interface Model {
  first: number;
  last: number;
  total: number;
}

/** Rows as the writer gets them: one event each, `size` bytes long. */
function opsOf(models: readonly Model[], segments: readonly number[], size: number): Buffer {
  const sink = new ByteSink(new ArrayBuffer(4096));
  for (const segment of segments) {
    const model = models[segment];
    if (model === undefined) continue;
    const at = sink.length;
    sink.reserve(OP_HEADER);
    sink.length += OP_HEADER;
    model.last += 1;
    encodeRow(sink, model.last, 1, [{ type: 't', data: 'x'.repeat(size) }]);
    model.total += sink.length - at - OP_HEADER;
    sink.view.setUint32(at, BATCH_OP, true);
    sink.view.setFloat64(at + 8, segment + 1, true);
    sink.view.setFloat64(at + 16, model.total, true);
  }
  return Buffer.from(sink.bytes.subarray(0, sink.length));
}

function firstsOf(memory: Uint8Array | undefined): number[] {
  const firsts: number[] = [];
  if (memory === undefined) return firsts;
  const view = viewOf(memory);
  for (let at = 0; at < memory.length; ) {
    const row = rowAt(view, at);
    firsts.push(row.first);
    at += row.length;
  }
  return firsts;
}

function from(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}

type Step =
  | { readonly do: 'group'; readonly segments: readonly number[] }
  | { readonly do: 'pass' | 'trim' | 'empty'; readonly segment: number }
  | { readonly do: 'begin' | 'portion' | 'settle' | 'fail' | 'restart' };

const segment = fc.nat(SEGMENTS - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant('group' as const),
      segments: fc.array(segment, { minLength: 1, maxLength: 200 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom('pass' as const, 'trim' as const, 'empty' as const),
      segment,
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constantFrom('begin' as const, 'portion' as const, 'portion' as const) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('settle' as const, 'fail' as const, 'restart' as const) }),
  },
);

function inTransaction(db: DatabaseSync, change: () => void, end = 'COMMIT'): void {
  db.exec('BEGIN IMMEDIATE');
  change();
  db.exec(end);
}

/** Adds a group as the writer does: to what is fresh, then to the journal. */
function addGroup(journal: Journal, ops: Buffer): void {
  journal.fresh.takeAll(ops);
  journal.add(ops);
}

test('whenever a reader looks while the journal is settled in portions, each row is there once', () => {
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), (steps) => {
      const folder = mkdtempSync(join(root, 'log-'));
      const db = openForWriting(folder, { sync: 'normal', capacity: undefined });
      const insert = db.prepare("INSERT INTO segments VALUES (?, ?, 'e', NULL, NULL, 1, 0, 0, 0, 0, x'')");
      const remove = db.prepare(`DELETE FROM batches WHERE id BETWEEN ${ROW_KEY} AND ${ROW_KEY}`);
      const setGone = db.prepare('UPDATE segments SET earliest = ?, gone = ? WHERE id = ?');
      const models: Model[] = Array.from({ length: SEGMENTS }, () => ({ first: 1, last: 0, total: 0 }));
      for (let id = 1; id <= SEGMENTS; id++) insert.run(id, id);
      let journal = openJournal(db);
      const reader = openForReading(folder);
      const view = viewJournal(reader);
      const ranges = openRanges(reader, view.fresh);
      const rows = openRows(reader, view.fresh);

      const run = (one: Step): void => {
        switch (one.do) {
          case 'group':
            inTransaction(db, () => addGroup(journal, opsOf(models, one.segments, 300)));
            return;
          case 'pass':
            inTransaction(db, () => {
              const ops = opsOf(models, [one.segment], 3_000);
              const row = rowAt(viewOf(ops), OP_HEADER);
              const total = viewOf(ops).getFloat64(16, true);
              journal.pass(one.segment + 1, row.first, total, ops.subarray(OP_HEADER));
            });
            return;
          case 'trim':
          case 'empty': {
            // As retention does, which looks at the tree alone: the older half of what is there, or all of it.
            const model = models[one.segment];
            const last = openRows(db).upTo(one.segment + 1, 2 ** 37 - 1)?.row.first ?? 0;
            if (model === undefined || last < model.first) return;
            const to = one.do === 'empty' ? last : Math.floor((model.first + last) / 2);
            inTransaction(db, () => {
              remove.run(one.segment + 1, model.first, one.segment + 1, to);
              setGone.run(to + 1, to, one.segment + 1);
            });
            model.first = to + 1;
            return;
          }
          case 'begin':
            journal.begin();
            return;
          case 'portion':
            inTransaction(db, () => journal.portion());
            return;
          case 'settle':
            inTransaction(db, () => journal.settle());
            return;
          case 'fail': {
            const before = structuredClone(models);
            inTransaction(
              db,
              () => {
                addGroup(journal, opsOf(models, [0, 1, 0], 10));
                journal.begin();
                journal.portion();
              },
              'ROLLBACK',
            );
            models.splice(0, SEGMENTS, ...before);
            journal.reload();
            return;
          }
          case 'restart':
            // Another process finds what this one has left.
            journal = openJournal(db);
        }
      };

      for (const one of steps) {
        run(one);
        reader.exec('BEGIN');
        view.sync();
        for (const [index, { first, last, total }] of models.entries()) {
          const all = { segment: index + 1, after: first - 1, last, events: 1e6, bytes: 1e9 };
          expect(firstsOf(ranges(all))).toEqual(from(first, last));
          const middle = Math.floor((first + last) / 2);
          expect(firstsOf(ranges({ ...all, after: middle }))).toEqual(
            from(Math.max(first, middle + 1), last),
          );
          if (last >= first) expect(rows.upTo(index + 1, 2 ** 37 - 1)).toMatchObject({ last, total });
          expect(rows.whole(index + 1, last + 1)).toBeUndefined();
        }
        reader.exec('COMMIT');
      }
      inTransaction(db, () => journal.settle());
      expect(journal.fresh.count).toBe(0);
      expect(db.prepare('SELECT count(*) AS n FROM journal').get()?.['n']).toBe(0);
      const left = models.reduce((sum, { first, last }) => sum + last - first + 1, 0);
      expect(db.prepare('SELECT count(*) AS n FROM batches').get()?.['n']).toBe(left);
      reader.close();
      db.close();
      rmSync(folder, { recursive: true });
    }),
    { numRuns: 60 },
  );
});

test('portions come to an end, and keep up with what comes meanwhile', () => {
  const folder = mkdtempSync(join(root, 'log-'));
  const db = openForWriting(folder, { sync: 'normal', capacity: undefined });
  const journal = openJournal(db);
  const models: Model[] = Array.from({ length: 1000 }, () => ({ first: 1, last: 0, total: 0 }));
  const everyOne = models.map((_, index) => index);
  while (!journal.full) inTransaction(db, () => addGroup(journal, opsOf(models, everyOne, 100)));
  const began = journal.fresh.count;
  journal.begin();
  let portions = 0;
  for (; journal.settling; portions++) {
    inTransaction(db, () => addGroup(journal, opsOf(models, everyOne.slice(0, 700), 100)));
    inTransaction(db, () => journal.portion());
    expect(journal.fresh.count).toBeLessThan(2 * began);
  }
  expect(portions).toBeGreaterThan(3);
  db.close();
});

test('what retention removed while it was settled does not come back after a crash', () => {
  const folder = mkdtempSync(join(root, 'log-'));
  const db = openForWriting(folder, { sync: 'normal', capacity: undefined });
  db.exec("INSERT INTO segments VALUES (1, 1, 'e', NULL, NULL, 1, 0, 0, 0, 0, x'')");
  const journal = openJournal(db);
  const models: Model[] = [{ first: 1, last: 0, total: 0 }];
  inTransaction(db, () =>
    addGroup(
      journal,
      opsOf(
        models,
        Array.from({ length: 600 }, () => 0),
        10,
      ),
    ),
  );
  journal.begin();
  inTransaction(db, () => journal.portion());
  const ids = (): number[] =>
    db
      .prepare('SELECT id & 0xffffff AS n FROM batches')
      .all()
      .map(({ n }) => Number(n));
  const there = ids();
  expect(there.length).toBeGreaterThan(0);
  expect(there.length).toBeLessThan(600);
  const gone = there.at(-1) ?? 0;
  inTransaction(db, () => db.exec(`DELETE FROM batches; UPDATE segments SET gone = ${gone}`));
  const next = openJournal(db);
  inTransaction(db, () => next.settle());
  expect(ids()).toEqual(from(gone + 1, 600));
  db.close();
});
