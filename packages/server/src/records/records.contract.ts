import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { allRecords, newestFirst, type Records } from './records.ts';

/** What every store of records keeps to. `open` gives an empty one. */
export function recordsContract(name: string, open: () => Promise<Records>): void {
  describe(`${name} keep their contract`, () => {
    test('gives back what was put, as a copy', async () => {
      await using records = await open();
      const things = records.collection<{ n: number; list: number[] }>('things');
      const value = { n: 1, list: [1] };
      await things.put('a', value);
      value.list.push(2);
      const got = await things.get('a');
      expect(got).toEqual({ n: 1, list: [1] });
      got?.list.push(3);
      expect(await things.get('a')).toEqual({ n: 1, list: [1] });
      await things.put('a', { n: 2, list: [] });
      expect(await things.get('a')).toEqual({ n: 2, list: [] });
      expect(await things.get('b')).toBeUndefined();
    });

    test('adds only what is not there', async () => {
      await using records = await open();
      const things = records.collection<number>('things');
      expect(await things.add('a', 1)).toBe(true);
      expect(await things.add('a', 2)).toBe(false);
      expect(await things.get('a')).toBe(1);
      expect(await things.delete('a')).toBe(true);
      expect(await things.delete('a')).toBe(false);
      expect(await things.add('a', 3)).toBe(true);
    });

    test('keeps collections apart', async () => {
      await using records = await open();
      await records.collection<number>('one').put('a', 1);
      await records.collection<number>('two').put('a', 2);
      expect(await records.collection<number>('one').list()).toEqual([{ id: 'a', value: 1 }]);
      expect(await records.collection<number>('one').delete('a')).toBe(true);
      expect(await records.collection<number>('two').get('a')).toBe(2);
    });

    test('refuses ids that stores could order differently', async () => {
      await using records = await open();
      const things = records.collection<number>('things');
      for (const id of ['', 'ä', 'a\n', 'x'.repeat(1025)]) {
        await expect(things.put(id, 1), JSON.stringify(id)).rejects.toMatchObject({
          code: 'invalid-request',
        });
        await expect(things.add(id, 1), JSON.stringify(id)).rejects.toMatchObject({
          code: 'invalid-request',
        });
      }
    });

    test('are all looked at, more than a page holds, while what was seen is deleted', async () => {
      await using records = await open();
      const things = records.collection<number>('things');
      const ids = Array.from({ length: 1_203 }, (_, i) => `many/${String(i).padStart(4, '0')}`);
      for (const [i, id] of ids.entries()) await things.put(id, i);
      await things.put('other/1', -1);
      const seen: string[] = [];
      for await (const { id, value } of allRecords(things, { prefix: 'many/', after: 'many/0001' })) {
        expect(id).toBe(ids[value]);
        seen.push(id);
        await things.delete(id);
      }
      expect(seen).toEqual(ids.slice(2));
      const left: string[] = [];
      for await (const { id } of allRecords(things)) left.push(id);
      expect(left).toEqual(['many/0000', 'many/0001', 'other/1']);
    });

    test('the newest are listed first by ids that are made for it', async () => {
      await using records = await open();
      const things = records.collection<number>('things');
      const times = [0, 1, 999, 1_700_000_000_000, 1_700_000_000_001, 4_102_444_800_000];
      for (const time of times) await things.put(`mine/${newestFirst(time, 'one')}`, time);
      const listed = await things.list({ prefix: 'mine/' });
      expect(listed.map(({ value }) => value)).toEqual(times.toReversed());
    });

    test('lists by id, prefix, position and limit like a sorted map', async () => {
      const id = fc.string({
        minLength: 1,
        maxLength: 4,
        unit: fc.constantFrom('a', 'b', '/', '%', '_', '~', 'Z'),
      });
      await fc.assert(
        fc.asyncProperty(
          fc.uniqueArray(id, { maxLength: 20 }),
          fc.option(fc.string({ maxLength: 2, unit: fc.constantFrom('a', '%', '_', '~') }), {
            nil: undefined,
          }),
          fc.option(id, { nil: undefined }),
          fc.option(fc.integer({ min: 0, max: 10 }), { nil: undefined }),
          async (ids, prefix, after, limit) => {
            await using records = await open();
            const things = records.collection<string>('things');
            for (const each of ids) await things.put(each, each);
            const query = {
              ...(prefix === undefined ? {} : { prefix }),
              ...(after === undefined ? {} : { after }),
              ...(limit === undefined ? {} : { limit }),
            };
            const expected = [...ids]
              .sort()
              .filter((each) => each.startsWith(prefix ?? '') && each > (after ?? ''))
              .slice(0, limit ?? ids.length);
            expect(await things.list(query)).toEqual(expected.map((each) => ({ id: each, value: each })));
          },
        ),
        { numRuns: 60 },
      );
    });
  });
}
