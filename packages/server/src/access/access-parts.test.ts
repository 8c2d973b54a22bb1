import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { memoryRecords } from '../records/memory/memory-records.ts';
import { manualClock } from '../runtime/manual-clock.ts';
import { bindProblem, isLoopback } from './bind-rule.ts';
import { parseDuration } from './duration.ts';
import { countFailures } from './failures.ts';
import { ensureFirstKey } from './first-key.ts';
import { newKeyText } from './key-record.ts';
import { openKeys } from './keys.ts';
import { limitRate } from './rate-limit.ts';

const folder = mkdtempSync(join(tmpdir(), 'playhead-access-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const logger = { debug() {}, info() {}, warn() {}, error() {} };

describe('the first key', () => {
  const open = async (records = memoryRecords()) => {
    const clock = manualClock();
    return { clock, records, keys: await openKeys({ records, clock, logger }) };
  };

  test('D-23 is made once, kept for its owner alone, and only its hash is stored', async () => {
    const { clock, keys, records } = await open();
    const dataFolder = join(folder, 'made');
    const first = await ensureFirstKey({ keys, clock, dataFolder });
    if (first.kind !== 'made') throw new Error(first.kind);
    expect(first.key).toMatch(/^rdev_[0-9A-Za-z]{32}$/);
    expect(readFileSync(first.file, 'utf8')).toBe(`${first.key}\n`);
    expect(statSync(first.file).mode & 0o777).toBe(0o600);
    expect(keys.find(first.key)?.principal).toMatchObject({ tenant: 'default', userId: null });
    expect(JSON.stringify(await records.collection('keys').list())).not.toContain(first.key);

    const again = await open(records);
    expect(await ensureFirstKey({ ...again, dataFolder })).toEqual({ kind: 'known' });
    expect(again.keys.find(first.key)).toBeDefined();
    // Records that were lost, or live in memory: the key in the file is still the key.
    const fresh = await open();
    expect(await ensureFirstKey({ ...fresh, dataFolder })).toEqual({ kind: 'known' });
    expect(fresh.keys.find(first.key)).toBeDefined();
  });

  test('given by a setting it is valid for as long as it is given', async () => {
    const { clock, keys, records } = await open();
    const dataFolder = join(folder, 'given');
    expect(await ensureFirstKey({ keys, clock, dataFolder, given: 'sk_one_two_three' })).toEqual({
      kind: 'given',
    });
    expect(keys.find('sk_one_two_three')).toBeDefined();
    const later = await open(records);
    await ensureFirstKey({ ...later, dataFolder, given: 'sk_another_one' });
    expect(later.keys.find('sk_one_two_three')).toBeUndefined();
    expect(later.keys.find('sk_another_one')).toBeDefined();
    const last = await open(records);
    expect((await ensureFirstKey({ ...last, dataFolder })).kind).toBe('made');
    expect(last.keys.find('sk_another_one')).toBeUndefined();
    await expect(ensureFirstKey({ ...last, dataFolder, given: 'with space' })).rejects.toThrow(RangeError);
  });
});

test('keys are 32 letters of base62, none likelier than another', () => {
  const counts = new Map<string, number>();
  for (let i = 0; i < 2_000; i++) {
    const text = newKeyText().slice(5);
    expect(text).toMatch(/^[0-9A-Za-z]{32}$/);
    for (const letter of text) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  expect(counts.size).toBe(62);
  // 64,000 letters: 1,032 of each expected; six standard deviations are about 190.
  for (const count of counts.values()) expect(Math.abs(count - 1_032)).toBeLessThan(200);
});

describe('failed attempts', () => {
  test('D-24 count by address, IPv6 by its /64, and each for its own time', () => {
    const clock = manualClock();
    const failures = countFailures(clock, { limit: 2, windowMs: 1_000 });
    expect(failures.fail('192.0.2.1')).toBe(false);
    clock.advance(600);
    expect(failures.fail('192.0.2.1')).toBe(false);
    expect(failures.fail('192.0.2.1')).toBe(true);
    expect(failures.fail('192.0.2.2')).toBe(false);
    clock.advance(400);
    expect(failures.fail('192.0.2.1')).toBe(false);
    expect(failures.fail('192.0.2.1')).toBe(true);
    expect(failures.fail('2001:db8::1')).toBe(false);
    expect(failures.fail('2001:db8:0:0:5::2')).toBe(false);
    expect(failures.fail('2001:db8::3')).toBe(true);
    expect(failures.fail('2001:db8:0:1::1')).toBe(false);
  });
});

test('a rate never lets more through than its bucket and what refilled', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 500 }), { maxLength: 100 }), (waits) => {
      const clock = manualClock();
      const rate = limitRate(clock, 5);
      const start = clock.now();
      let passed = 0;
      for (const wait of waits) {
        clock.advance(wait);
        const allowance = rate.spend('key_1');
        if (allowance.allowed) passed++;
        expect(allowance.remaining).toBeGreaterThanOrEqual(0);
      }
      expect(passed).toBeLessThanOrEqual(5 + ((clock.now() - start) * 5) / 1000);
    }),
  );
});

test.each([
  ['30d', 2_592_000],
  ['12h', 43_200],
  ['45m', 2_700],
  ['90s', 90],
  ['2w', 1_209_600],
  ['60', 60],
  [60, 60],
  ['', undefined],
  ['soon', undefined],
  ['-1d', undefined],
  ['1.5h', undefined],
  [0, undefined],
  [1.5, undefined],
  [Number.NaN, undefined],
  ['99999999d', undefined],
])('D-15 expires_in %j is %s seconds', (text, seconds) => {
  expect(parseDuration(text)).toBe(seconds);
});

test('D-19 a network is served with the direct launcher only after an explicit yes', () => {
  for (const host of ['127.0.0.1', '127.8.8.8', 'localhost', '::1', '[::1]', '::ffff:127.0.0.1']) {
    expect(isLoopback(host), host).toBe(true);
    expect(bindProblem({ host, allowExec: false, directLauncher: true })).toBeUndefined();
  }
  for (const host of ['0.0.0.0', '::', '192.0.2.1', 'example.org', 'localhost.example.org']) {
    expect(bindProblem({ host, allowExec: false, directLauncher: true }), host).toContain(
      'PLAYHEAD_ALLOW_EXEC=1',
    );
    expect(bindProblem({ host, allowExec: true, directLauncher: true })).toBeUndefined();
    expect(bindProblem({ host, allowExec: false, directLauncher: false })).toBeUndefined();
  }
});
