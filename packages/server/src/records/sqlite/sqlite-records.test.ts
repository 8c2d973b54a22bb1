import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { recordsContract } from '../records.contract.ts';
import { sqliteRecords } from './sqlite-records.ts';

const folder = mkdtempSync(join(tmpdir(), 'playhead-records-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const freshFile = (): string => join(folder, `f${++files}`, 'records.db');

recordsContract('sqlite records', async () => sqliteRecords(freshFile()));

test('what was put is there for the next process', async () => {
  const file = freshFile();
  {
    await using records = sqliteRecords(file);
    await records.collection('things').put('a', { n: 1 });
  }
  await using again = sqliteRecords(file);
  expect(await again.collection('things').get('a')).toEqual({ n: 1 });
});

test('D-19 only the owner can read the file and its journal', async () => {
  const file = freshFile();
  const before = process.umask(0);
  try {
    await using records = sqliteRecords(file);
    await records.collection('keys').put('a', 1);
    const modes = readdirSync(join(file, '..')).map((name) => statSync(join(file, '..', name)).mode & 0o777);
    expect(modes.length).toBeGreaterThan(1);
    expect(new Set(modes)).toEqual(new Set([0o600]));
  } finally {
    process.umask(before);
  }
});

test('closing twice is closing once', async () => {
  const records = sqliteRecords(freshFile());
  await records[Symbol.asyncDispose]();
  await records[Symbol.asyncDispose]();
});
