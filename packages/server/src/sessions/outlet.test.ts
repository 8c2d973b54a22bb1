import { PlayheadError } from '@playhead/protocol';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Appended, AppendOptions, EventLog, LogEvent } from '../log/event-log.ts';
import { createMemoryLog } from '../log/memory/memory-log.ts';
import { streamKey } from '../log/stream-key.ts';
import { manualClock } from '../runtime/manual-clock.ts';
import { createOutlet, type Outlet, type OutletParts } from './outlet.ts';

const KEY = streamKey('default', 'commands/a');

function event(n: number): LogEvent {
  return { type: 'output', data: String(n) };
}

async function everything(log: EventLog): Promise<{ data: string[]; closed: boolean }> {
  const bounds = await log.bounds(KEY);
  if (bounds === undefined) return { data: [], closed: false };
  const slice = await log.read(KEY, bounds.start, { events: 1e6, bytes: 1e9 });
  const batches = slice.kind === 'events' ? slice.batches : [];
  return {
    data: batches.flatMap(({ events }) => events.map(({ data }) => String(data))),
    closed: bounds.closed,
  };
}

function outletOn(parts: Partial<OutletParts> & Pick<OutletParts, 'append'>, clock = manualClock()): Outlet {
  return createOutlet({
    room: () => undefined,
    clock,
    maxBytes: 100,
    retryMs: 10,
    patienceMs: 1_000,
    failing() {},
    stuck() {},
    gone() {},
    ...parts,
  });
}

/** What the next appends meet: an answer, a refusal, or an answer that got lost after the commit. */
type Weather = 'good' | 'refused' | 'answer-lost';

test('D-6 whatever the log refuses or forgets to answer: every event once, in order, then the close', async () => {
  const weather = fc.array(fc.constantFrom<Weather>('good', 'good', 'refused', 'answer-lost'), {
    maxLength: 40,
  });
  const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 15 });
  await fc.assert(
    fc.asyncProperty(weather, sizes, fc.scheduler(), async (fates, batches, scheduler) => {
      const log = createMemoryLog();
      await log.create(KEY);
      const clock = manualClock();
      const left = [...fates];
      const append = async (events: readonly LogEvent[], options: AppendOptions): Promise<Appended> => {
        const fate = left.shift() ?? 'good';
        // Sequenced when it is called, as in an engine; answered whenever.
        const result = fate === 'refused' ? undefined : log.append(KEY, events, options);
        await scheduler.schedule(Promise.resolve());
        if (result === undefined || fate === 'answer-lost') {
          await result;
          throw new PlayheadError('storage-full', 'The storage is full.');
        }
        return result;
      };
      using outlet = outletOn({ append, patienceMs: 1e9 }, clock);
      let n = 0;
      for (const size of batches) {
        outlet.send(
          Array.from({ length: size }, () => event(n++)),
          size,
        );
      }
      let finished: string | undefined;
      const finishing = outlet.finish([event(n++)]).then((result) => {
        finished = result;
      });
      while (finished === undefined) {
        await scheduler.waitIdle();
        await new Promise((resolve) => setImmediate(resolve));
        clock.advance(200);
      }
      await finishing;
      expect(finished).toBe('closed');
      expect(await everything(log)).toEqual({
        data: Array.from({ length: n }, (_, i) => String(i)),
        closed: true,
      });
    }),
    { numRuns: 60 },
  );
});

test('D-2 there is no room beyond the bound, and there is again when half of it is committed', async () => {
  const answers: (() => void)[] = [];
  const append = (): Promise<Appended> =>
    new Promise((resolve) => {
      const position = { epoch: '0', offset: 1 };
      answers.push(() => resolve({ kind: 'appended', position, first: 1, time: 0 }));
    });
  using outlet = outletOn({ append });
  outlet.send([event(0)], 60);
  expect(outlet.room()).toBeUndefined();
  outlet.send([event(1)], 60);
  let room = false;
  const waiting = outlet.room()?.then(() => {
    room = true;
  });
  expect(waiting).toBeDefined();
  answers[0]?.();
  await new Promise((resolve) => setImmediate(resolve));
  expect(room).toBe(false);
  answers[1]?.();
  await waiting;
  expect(outlet.room()).toBeUndefined();
});

test('D-6 an outage that outlasts patience is told once; a stream that is gone too, and then nothing waits', async () => {
  const clock = manualClock();
  const told: string[] = [];
  const answers: Appended[] = [];
  using outlet = outletOn(
    {
      append: () =>
        answers[0] === undefined
          ? Promise.reject(new PlayheadError('storage-full', 'The storage is full.'))
          : Promise.resolve(answers[0]),
      failing: () => told.push('failing'),
      stuck: () => told.push('stuck'),
      gone: (result) => told.push(result),
    },
    clock,
  );
  outlet.send([event(0)], 1);
  const room = await turn(() => outlet.room());
  expect(told).toEqual(['failing']);
  for (let i = 0; i < 100; i++) await turn(() => clock.advance(50));
  expect(told).toEqual(['failing', 'stuck']);
  await room.value;
  answers.push({ kind: 'missing' });
  const finished = outlet.finish([event(1)]);
  for (let i = 0; i < 20; i++) await turn(() => clock.advance(50));
  expect(told).toEqual(['failing', 'stuck', 'missing']);
  expect(await finished).toBe('gone');
});

test.each(['before', 'after'])(
  'D-6 a last batch that is sent %s patience ends is written by itself once the log takes events again',
  async (when) => {
    const clock = manualClock();
    const log = createMemoryLog();
    await log.create(KEY);
    let full = true;
    const append = (events: readonly LogEvent[], options: AppendOptions): Promise<Appended> =>
      full
        ? Promise.reject(new PlayheadError('storage-full', 'The storage is full.'))
        : log.append(KEY, events, options);
    using outlet = outletOn({ append }, clock);
    const finish = (): Promise<string> => outlet.finish([event(9)]);
    for (let i = 0; i < 5; i++) outlet.send([event(i)], 1);
    const early = when === 'before' ? finish() : undefined;
    for (let i = 0; i < 100; i++) await turn(() => clock.advance(50));
    outlet.send([event(6)], 1);
    expect(outlet.room()).toBeUndefined();
    const finished = early ?? finish();
    full = false;
    for (let i = 0; i < 40; i++) await turn(() => clock.advance(50));
    expect(await finished).toBe('closed');
    expect(await everything(log)).toEqual({ data: ['9'], closed: true });
  },
);

/** Lets everything that is ready happen, before and after. */
async function turn<T>(what: () => T): Promise<{ readonly value: T }> {
  await new Promise((resolve) => setImmediate(resolve));
  const value = what();
  await new Promise((resolve) => setImmediate(resolve));
  return { value };
}

test('D-2 what was sent is settled once it is committed, and not before', async () => {
  const answers: ((appended: Appended) => void)[] = [];
  const outlet = outletOn({ append: () => new Promise((resolve) => answers.push(resolve)) });
  expect(outlet.settled()).toBeUndefined();
  outlet.send([event(1)], 1);
  outlet.send([event(2)], 1);
  let settled = false;
  const waiting = outlet.settled()?.then(() => {
    settled = true;
  });
  const position = { epoch: '0123456789abcdef', offset: 1 };
  answers[0]?.({ kind: 'appended', position, first: 1, time: 0 });
  await Promise.resolve();
  expect(settled).toBe(false);
  answers[1]?.({ kind: 'appended', position: { ...position, offset: 2 }, first: 2, time: 0 });
  await waiting;
  expect(outlet.settled()).toBeUndefined();
});
