import type { Position } from '@playhead/protocol';
import fc from 'fast-check';
import { expect } from 'vitest';
import type { ManualClock } from '../runtime/manual-clock.ts';
import { verifyBatches } from './chain.ts';
import type { Appended, AppendOptions, EventLog } from './event-log.ts';
import { type StreamKey, streamKey } from './stream-key.ts';

/** The log, as simple as it can be said: a text per event, an answer per call. */
interface ModelStream {
  readonly events: string[];
  closed: boolean;
  readonly writers: Map<string, { epoch: number; answers: number[] }>;
  ordinal: string;
  readonly parent: StreamKey | undefined;
}

/** What there is, and which names are taken by what was deleted. */
interface Model {
  readonly streams: Map<StreamKey, ModelStream>;
  readonly graves: Map<StreamKey, StreamKey | undefined>;
}

type Step =
  | { readonly kind: 'create' | 'close' | 'delete'; readonly stream: number }
  | { readonly kind: 'append'; readonly stream: number; readonly data: readonly string[] }
  | {
      readonly kind: 'write';
      readonly stream: number;
      readonly id: string;
      readonly epoch: number;
      readonly sequence: number;
    }
  | { readonly kind: 'ordered'; readonly stream: number; readonly ordinal: string }
  | { readonly kind: 'fork'; readonly stream: number; readonly target: number; readonly back: number }
  | { readonly kind: 'read'; readonly stream: number; readonly back: number; readonly events: number };

const stream = fc.nat(2);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('create' as const), stream }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('close' as const, 'delete' as const), stream }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      stream,
      data: fc.array(fc.string({ unit: 'grapheme', maxLength: 8 }), { minLength: 1, maxLength: 5 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('write' as const),
      stream,
      id: fc.constantFrom('v', 'w'),
      epoch: fc.nat(1),
      sequence: fc.nat(3),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('ordered' as const),
      stream,
      ordinal: fc.constantFrom('1', '10', '2', '3'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('fork' as const), stream, target: stream, back: fc.nat(6) }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('read' as const),
      stream,
      back: fc.nat(8),
      events: fc.integer({ min: 1, max: 9 }),
    }),
  },
);

/**
 * Runs random steps on a log and on the model. Steps of one burst are called together, without waiting for each
 * other, and must be answered as if they had been called one by one; reads wait, since what they see of appends
 * under way is the engine's choice. At the end every stream holds exactly what the model says, and its chain verifies.
 */
export async function checkAgainstModel(
  open: () => Promise<{ readonly log: EventLog; readonly clock: ManualClock }>,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 6 }), { maxLength: 12 }),
      async (bursts) => {
        const { log, clock } = await open();
        await using _ = log;
        const model: Model = { streams: new Map(), graves: new Map() };
        for (const burst of bursts) {
          clock.advance(1);
          const waiting: Promise<void>[] = [];
          for (const item of burst) {
            if (item.kind === 'read' || item.kind === 'fork') await Promise.all(waiting.splice(0));
            waiting.push(run(log, model, item));
            if (item.kind === 'read' || item.kind === 'fork') await Promise.all(waiting.splice(0));
          }
          await Promise.all(waiting);
        }
        for (const index of [0, 1, 2]) await compareWhole(log, model, keyOf(index));
      },
    ),
    { numRuns: 60 },
  );
}

async function run(log: EventLog, model: Model, item: Step): Promise<void> {
  const key = keyOf(item.stream);
  const known = model.streams.get(key);
  switch (item.kind) {
    case 'create': {
      const expected = known !== undefined ? 'exists' : model.graves.has(key) ? 'gone' : 'created';
      if (expected === 'created') model.streams.set(key, fresh([], undefined));
      expect((await log.create(key)).kind).toBe(expected);
      return;
    }
    case 'close': {
      if (known !== undefined) known.closed = true;
      expect(await log.close(key)).toBe(known !== undefined);
      return;
    }
    case 'delete': {
      if (known !== undefined) modelDelete(model, key, known.parent);
      expect(await log.delete(key)).toBe(known !== undefined);
      return;
    }
    case 'ordered': {
      const { ordinal } = item;
      const late = known !== undefined && !known.closed && known.ordinal >= ordinal;
      const expected = late ? 'out-of-order' : modelAppend(known, [ordinal], {});
      if (known !== undefined && !late && !known.closed) known.ordinal = ordinal;
      expect(outline(await log.append(key, [{ type: 'o', data: ordinal }], { ordinal }))).toEqual(expected);
      return;
    }
    case 'append': {
      const expected = modelAppend(known, item.data, {});
      const events = item.data.map((data) => ({ type: 't', data }));
      expect(outline(await log.append(key, events))).toEqual(expected);
      return;
    }
    case 'write': {
      const { id, epoch, sequence } = item;
      const options: AppendOptions = { guard: { kind: 'writer', id, epoch, sequence } };
      const data = [`${id}${epoch}.${sequence}`];
      const expected = modelAppend(known, data, options);
      const events = data.map((text) => ({ type: 'w', data: text }));
      expect(outline(await log.append(key, events, options))).toEqual(expected);
      return;
    }
    case 'fork': {
      const target = keyOf(item.target);
      const there = model.streams.has(target);
      const taken = !there && model.graves.has(target);
      const latest = (await log.bounds(key))?.latest ?? { epoch: '0'.repeat(16), offset: 0 };
      const at: Position = { ...latest, offset: Math.max(0, latest.offset - item.back) };
      const expected = known === undefined ? 'missing' : there ? 'exists' : taken ? 'gone' : 'created';
      if (known !== undefined && expected === 'created')
        model.streams.set(target, fresh(known.events.slice(0, at.offset), key));
      expect((await log.fork(key, at, target)).kind).toBe(expected);
      if (expected !== 'created') return;
      // The position of the source names the same place in the fork.
      const slice = await log.read(
        target,
        { ...at, offset: Math.max(0, at.offset - 1) },
        { events: 9, bytes: 9 },
      );
      expect(slice).toMatchObject({ kind: 'events', batches: { length: Math.min(1, at.offset) } });
      return;
    }
    case 'read': {
      const latest = (await log.bounds(key))?.latest;
      if (known === undefined || latest === undefined) {
        expect([known, latest]).toEqual([undefined, undefined]);
        return;
      }
      const from = Math.max(0, latest.offset - item.back);
      const slice = await log.read(key, { ...latest, offset: from }, { events: item.events, bytes: 1e6 });
      if (slice.kind !== 'events') throw new Error(`Read ${slice.kind}`);
      expect(slice.batches.flatMap(({ events }) => events.map(({ data }) => data))).toEqual(
        known.events.slice(from, from + item.events),
      );
      return;
    }
  }
}

function fresh(events: string[], parent: StreamKey | undefined): ModelStream {
  return { events, closed: false, writers: new Map(), ordinal: '', parent };
}

function modelDelete(model: Model, key: StreamKey, parent: StreamKey | undefined): void {
  model.streams.delete(key);
  model.graves.delete(key);
  const forks = [...model.streams.values()].map((each) => each.parent).concat(...model.graves.values());
  if (forks.includes(key)) model.graves.set(key, parent);
  else if (parent !== undefined && model.graves.has(parent))
    modelDelete(model, parent, model.graves.get(parent));
}

function modelAppend(
  known: ModelStream | undefined,
  data: readonly string[],
  options: AppendOptions,
): string {
  if (known === undefined) return 'missing';
  const { guard } = options;
  const writer = guard?.kind === 'writer' ? known.writers.get(guard.id) : undefined;
  if (guard?.kind === 'writer') {
    const answered = writer?.epoch === guard.epoch ? writer.answers[guard.sequence] : undefined;
    if (answered !== undefined) return `repeated ${answered}`;
    if (writer !== undefined && guard.epoch < writer.epoch) return `fenced ${writer.epoch}`;
    if (known.closed) return 'closed';
    const expected = writer?.epoch === guard.epoch ? writer.answers.length : 0;
    if (guard.sequence !== expected) return `sequence-gap ${expected}`;
  }
  if (known.closed) return 'closed';
  known.events.push(...data);
  if (guard?.kind === 'writer') {
    const answers = writer?.epoch === guard.epoch ? writer.answers : [];
    known.writers.set(guard.id, { epoch: guard.epoch, answers: [...answers, known.events.length] });
  }
  return `appended ${known.events.length}`;
}

function outline(answer: Appended): string {
  switch (answer.kind) {
    case 'appended':
    case 'repeated':
      return `${answer.kind} ${answer.position.offset}`;
    case 'fenced':
      return `fenced ${answer.epoch}`;
    case 'sequence-gap':
      return `sequence-gap ${answer.expected}`;
    case 'mismatch':
    case 'other-type':
    case 'out-of-order':
    case 'closed':
    case 'missing':
      return answer.kind;
  }
}

async function compareWhole(log: EventLog, model: Model, key: StreamKey): Promise<void> {
  const known = model.streams.get(key);
  expect(await log.gone(key)).toBe(known === undefined && model.graves.has(key));
  const bounds = await log.bounds(key);
  expect(bounds?.latest.offset).toBe(known?.events.length);
  expect(bounds?.closed).toBe(known?.closed);
  if (bounds === undefined) return;
  const slice = await log.read(key, bounds.start, { events: 1e6, bytes: 1e9, proof: true });
  if (slice.kind !== 'events') throw new Error(`Read ${slice.kind}`);
  const found = slice.batches.flatMap(({ events }) => events.map(({ data }) => data));
  expect(found).toEqual(known?.events);
  expect(verifyBatches(slice.batches)).toMatchObject({ kind: 'intact', events: found.length });
}

function keyOf(index: number): StreamKey {
  return streamKey('model', `tests/${index}`);
}
