import { expect, test } from 'vitest';
import { manualClock } from '../runtime/manual-clock.ts';
import { created } from './contract-answers.ts';
import { eventLogContract } from './event-log.contract.ts';
import type { EventLog } from './event-log.ts';
import { createMemoryLog } from './memory/memory-log.ts';
import { streamKey } from './stream-key.ts';
import { tieredLog } from './tiered.ts';

const A = streamKey('acme', 'tests/a');
const B = streamKey('acme', 'tests/b');
const one = [{ type: 't', data: 'one' }];

eventLogContract('tiered', async ({ clock }) => {
  return tieredLog(createMemoryLog({ clock }), createMemoryLog({ clock, durability: 'volatile' }));
});

function open(): { log: EventLog; durable: EventLog; volatile: EventLog } {
  const clock = manualClock();
  const durable = createMemoryLog({ clock });
  const volatile = createMemoryLog({ clock, durability: 'volatile' });
  return { log: tieredLog(durable, volatile), durable, volatile };
}

test('D-1 each stream lives in the engine of its durability, and one list shows both', async () => {
  const { log, durable, volatile } = open();
  await using _ = log;
  await log.create(B, { durability: 'volatile' });
  await log.create(A);
  await Promise.all([log.append(A, one), log.append(B, one)]);
  expect((await durable.bounds(A))?.latest.offset).toBe(1);
  expect((await volatile.bounds(B))?.latest.offset).toBe(1);
  expect(await durable.bounds(B)).toBeUndefined();
  const listed = await log.list({ tenant: 'acme', limit: 10 });
  expect(listed.map(({ key, bounds }) => [key, bounds.durability])).toEqual([
    [A, 'durable'],
    [B, 'volatile'],
  ]);
  expect(await log.list({ tenant: 'acme', limit: 1 })).toHaveLength(1);
});

test('D-1 a name is in one engine at most, and may change it once deleted', async () => {
  const { log, durable } = open();
  await using _ = log;
  const answers = await Promise.all([
    log.create(A, { durability: 'volatile' }),
    log.create(A),
    log.append(A, one),
    log.create(A, { durability: 'volatile' }),
  ]);
  expect(answers.map(({ kind }) => kind)).toEqual(['created', 'exists', 'appended', 'exists']);
  await log.create(B);
  expect(await log.create(B, { durability: 'volatile' })).toMatchObject({
    bounds: { durability: 'durable' },
  });
  expect(await Promise.all([log.delete(A), log.create(A)])).toMatchObject([true, { kind: 'created' }]);
  expect((await durable.bounds(A))?.latest.offset).toBe(0);
});

test('a fork has the durability of its source', async () => {
  const { log } = open();
  await using _ = log;
  const made = created(await log.create(A, { durability: 'volatile', events: one }));
  await expect(log.fork(A, made.latest, B, { durability: 'durable' })).rejects.toMatchObject({
    code: 'invalid-request',
  });
  expect(await log.fork(A, made.latest, B)).toMatchObject({ bounds: { durability: 'volatile' } });
});

test('L9 a name that is taken in one engine cannot be made in the other', async () => {
  const { log } = open();
  await using _ = log;
  const made = created(await log.create(A, { durability: 'volatile', events: one }));
  await log.fork(A, made.latest, B);
  await log.delete(A);
  expect(await log.create(A)).toEqual({ kind: 'gone' });
  expect(await log.create(A, { durability: 'volatile' })).toEqual({ kind: 'gone' });
  expect(await log.gone(A)).toBe(true);
  await log.delete(B);
  expect(await log.gone(A)).toBe(false);
  expect(await log.create(A)).toMatchObject({ kind: 'created', bounds: { durability: 'durable' } });
});
