import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createMemoryLog } from '../log/memory/memory-log.ts';
import { streamKey } from '../log/stream-key.ts';
import { manualClock } from '../runtime/manual-clock.ts';
import { positionSince } from './position-since.ts';

const KEY = streamKey('acme', 'notes/a');

test('P-311 the position of a time is behind the last event that is earlier, wherever batches begin and end', async () => {
  const batches = fc.array(
    fc.record({ wait: fc.integer({ min: 0, max: 5 }), size: fc.integer({ min: 1, max: 4 }) }),
    { maxLength: 12 },
  );
  await fc.assert(
    fc.asyncProperty(batches, fc.integer({ min: -2, max: 70 }), async (plan, ago) => {
      const clock = manualClock();
      const begin = clock.now();
      await using log = createMemoryLog({ clock });
      await log.create(KEY);
      const times: number[] = [];
      for (const { wait, size } of plan) {
        clock.advance(wait);
        await log.append(
          KEY,
          Array.from({ length: size }, () => ({ type: 'n', data: '1' })),
        );
        times.push(...Array.from({ length: size }, () => clock.now()));
      }
      const bounds = await log.bounds(KEY);
      if (bounds === undefined) throw new Error('no stream');
      const { epoch, offset } = await positionSince(log, KEY, bounds, begin + ago);
      expect(epoch).toBe(bounds.latest.epoch);
      expect(offset).toBe(times.filter((time) => time < begin + ago).length);
    }),
    { numRuns: 60 },
  );
});

test('P-311 what was trimmed is earlier than anything', async () => {
  const clock = manualClock();
  await using log = createMemoryLog({ clock, maxBytes: 2_000 });
  await log.create(KEY);
  for (let i = 0; i < 40; i++) {
    await log.append(KEY, [{ type: 'n', data: `"${'x'.repeat(100)}"` }]);
    clock.advance(1);
  }
  const bounds = await log.bounds(KEY);
  if (bounds === undefined) throw new Error('no stream');
  expect(bounds.start.offset).toBeGreaterThan(0);
  expect(await positionSince(log, KEY, bounds, 0)).toEqual(bounds.start);
  expect(await positionSince(log, KEY, bounds, clock.now())).toEqual(bounds.latest);
});
