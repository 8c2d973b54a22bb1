import { expect, test } from 'vitest';
import { manualClock } from '../../runtime/manual-clock.ts';
import { eventLogContract } from '../event-log.contract.ts';
import { streamKey } from '../stream-key.ts';
import { createMemoryLog } from './memory-log.ts';

eventLogContract('memory', async ({ clock }) => createMemoryLog({ clock }));

const A = streamKey('acme', 'frames/a');
const B = streamKey('acme', 'frames/b');
const frame = { type: 'frame', data: new Uint8Array(1000) };

test('the bound of all streams takes the oldest events first, whosever they are', async () => {
  const clock = manualClock();
  await using log = createMemoryLog({ clock, maxBytes: 10_000 });
  await log.create(A);
  await log.create(B);
  for (let i = 0; i < 8; i++) await log.append(A, [frame]);
  clock.advance(1);
  for (let i = 0; i < 5; i++) await log.append(B, [frame]);
  const [a, b] = [await log.bounds(A), await log.bounds(B)];
  expect((a?.bytes ?? 0) + (b?.bytes ?? 0)).toBeLessThanOrEqual(10_000);
  expect(a?.earliest.offset).toBeGreaterThan(1);
  expect(b?.earliest.offset).toBe(1);
});

test('without proof kept, reads give none and erasing still works', async () => {
  await using log = createMemoryLog({ clock: manualClock(), proof: false, durability: 'volatile' });
  await log.create(A, { events: [frame, frame] });
  const start = (await log.bounds(A))?.start;
  if (start === undefined) throw new Error('No such stream.');
  expect((await log.bounds(A))?.durability).toBe('volatile');
  expect(await log.redact(A, { ...start, offset: 1 })).toBe(true);
  const slice = await log.read(A, start, { events: 10, bytes: 10_000, proof: true });
  expect(slice.kind === 'events' && slice.batches[0]?.proof).toBe(undefined);
  expect(slice.kind === 'events' && slice.batches[0]?.events[0]?.data).toBe(null);
});

test('a log that was disposed refuses calls', async () => {
  const log = createMemoryLog();
  await log[Symbol.asyncDispose]();
  await expect(log.bounds(A)).rejects.toMatchObject({ code: 'draining' });
});
