import type { Position } from '@playhead/protocol';
import { describe, expect, test } from 'vitest';
import type { ManualClock } from '../runtime/manual-clock.ts';
import { verifyBatches } from './chain.ts';
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
} from './contract-answers.ts';
import type { EventLog } from './event-log.ts';
import { type StreamKey, streamKey } from './stream-key.ts';

const A = streamKey('acme', 'tests/a');
const B = streamKey('acme', 'tests/b');
const C = streamKey('acme', 'tests/c');
const MINUTE = 60_000;

/** The part of the contract that is about forks. */
export function forkLaws(current: () => { readonly log: EventLog; readonly clock: ManualClock }): void {
  describe('fork', () => {
    test('a fork has its source up to a position, inside a batch too, and goes on by itself', async () => {
      const { log } = current();
      const source = created(await log.create(A, { events: texts('1', '2', '3') }));
      await log.append(A, texts('4', '5'));
      const at = { ...source.start, offset: 4 };
      const made = created(await log.fork(A, at, B));
      expect(made).toMatchObject({
        forkedFrom: { source: A, at },
        earliest: { offset: 1 },
        latest: { offset: 4 },
      });
      expect(made.latest.epoch > source.latest.epoch).toBe(true);
      expect(appended(await log.append(B, texts('b5', 'b6'))).first).toBe(5);
      await log.append(A, texts('a6'));
      expect(await everything(log, A)).toEqual(['1', '2', '3', '4', '5', 'a6']);
      expect(await everything(log, B)).toEqual(['1', '2', '3', '4', 'b5', 'b6']);
    });

    test('a fork reads in small pieces across its seam', async () => {
      const { log } = current();
      const source = created(await log.create(A, { events: texts('1', '2', '3') }));
      const made = created(
        await log.fork(A, { ...source.start, offset: 2 }, B, { events: texts('b3', 'b4') }),
      );
      expect(made.latest.offset).toBe(4);
      for (const events of [1, 2, 3]) {
        expect(await everything(log, B, events)).toEqual(['1', '2', 'b3', 'b4']);
      }
    });

    test('a fork of a fork, on either side of the first seam', async () => {
      const { log } = current();
      const source = created(await log.create(A, { events: texts('1', '2', '3') }));
      const b = created(await log.fork(A, { ...source.start, offset: 2 }, B, { events: texts('b3', 'b4') }));
      await log.fork(B, { ...b.start, offset: 3 }, C, { events: texts('c4') });
      const D = streamKey('acme', 'tests/d');
      await log.fork(B, { ...b.start, offset: 1 }, D, { events: texts('d2') });
      expect(await everything(log, C)).toEqual(['1', '2', 'b3', 'c4']);
      expect(await everything(log, D)).toEqual(['1', 'd2']);
    });

    test('a fork outlives its source, and the source of that', async () => {
      const { log, clock } = current();
      const source = created(await log.create(A, { events: texts('1', '2') }));
      const b = created(await log.fork(A, source.latest, B, { events: texts('b3') }));
      await log.fork(B, b.latest, C, { events: texts('c4') });
      await log.delete(A);
      await log.delete(B);
      clock.advance(5000);
      expect(await everything(log, C, 1)).toEqual(['1', '2', 'b3', 'c4']);
    });

    test('L9 the name of a deleted stream is taken until its last fork is deleted', async () => {
      const { log } = current();
      const source = created(await log.create(A, { events: texts('1') }));
      await log.fork(A, source.latest, B);
      await log.fork(A, source.start, C);
      expect(await log.gone(A)).toBe(false);
      expect(await log.delete(A)).toBe(true);
      expect(await log.gone(A)).toBe(true);
      expect(await log.create(A)).toEqual({ kind: 'gone' });
      expect(await log.fork(B, source.latest, A)).toEqual({ kind: 'gone' });
      expect(await log.bounds(A)).toBeUndefined();
      expect(await log.delete(A)).toBe(false);
      expect(await log.append(A, texts('x'))).toEqual({ kind: 'missing' });
      expect(await log.fork(A, source.latest, streamKey('acme', 'tests/d'))).toEqual({ kind: 'missing' });
      expect((await log.list({ tenant: 'acme', limit: 9 })).map(({ key }) => key)).toEqual([B, C]);
      await log.delete(B);
      expect(await log.gone(A)).toBe(true);
      await log.delete(C);
      expect(await log.gone(A)).toBe(false);
      expect(created(await log.create(A)).latest.epoch > source.latest.epoch).toBe(true);
    });

    test('L9 names along a chain of forks come free with the last of them, by expiry too', async () => {
      const { log, clock } = current();
      const source = created(await log.create(A, { events: texts('1') }));
      const b = created(await log.fork(A, source.latest, B));
      await log.fork(B, b.latest, C, { ttl: MINUTE });
      await Promise.all([log.delete(A), log.delete(B)]);
      expect([await log.gone(A), await log.gone(B), await log.gone(C)]).toEqual([true, true, false]);
      clock.advance(MINUTE);
      await until(async () => !(await log.gone(A)));
      expect([await log.gone(B), await log.gone(C)]).toEqual([false, false]);
      expect((await log.create(B)).kind).toBe('created');
    });

    test('L9 a stream whose time is over and that has forks is gone, too', async () => {
      const { log, clock } = current();
      const source = created(await log.create(A, { ttl: MINUTE }));
      await log.fork(A, source.latest, B);
      clock.advance(MINUTE);
      expect(await log.bounds(A)).toBeUndefined();
      expect(await log.gone(A)).toBe(true);
    });

    test('positions of the source, and of the source of that, are positions of the fork', async () => {
      const { log } = current();
      const source = created(await log.create(A, { events: texts('1', '2', '3') }));
      const at = { ...source.start, offset: 2 };
      const b = created(await log.fork(A, at, B, { events: texts('b3') }));
      const c = created(await log.fork(B, b.latest, C));
      await log.append(A, texts('a4'));
      for (const [key, made] of [[B, b] as const, [C, c] as const]) {
        const slice = read(await log.read(key, { ...at, offset: 1 }, WIDE));
        expect(dataOf(slice)).toEqual(['2', 'b3']);
        expect(slice.next).toEqual(made.latest);
        expect(dataOf(read(await log.read(key, at, WIDE)))).toEqual(['b3']);
        expect((await log.read(key, { ...at, offset: 3 }, WIDE)).kind).toBe('lost');
      }
      const end = read(await log.read(C, b.latest, WIDE));
      expect([end.batches, end.next]).toEqual([[], c.latest]);
      expect((await log.read(B, c.latest, WIDE)).kind).toBe('lost');
      const D = streamKey('acme', 'tests/d');
      expect(created(await log.fork(C, { ...at, offset: 1 }, D)).forkedFrom).toEqual({
        source: C,
        at: { epoch: c.latest.epoch, offset: 1 },
      });
      expect(await everything(log, D)).toEqual(['1']);
    });

    test('how much of an event a fork repeats is kept with where it was forked from', async () => {
      const { log } = current();
      const source = created(await log.create(A, { events: texts('abc') }));
      const made = created(await log.fork(A, source.start, B, { events: texts('ab'), part: 2 }));
      expect(made.forkedFrom).toEqual({ source: A, at: source.start, part: 2 });
      expect(await everything(log, B)).toEqual(['ab']);
    });

    test('a fork has neither the writers nor the ordinal of its source', async () => {
      const { log } = current();
      const guard = { kind: 'writer', id: 'w', epoch: 4, sequence: 0 } as const;
      await log.create(A);
      const { position } = appended(await log.append(A, texts('1'), { guard, ordinal: '9' }));
      await log.fork(A, position, B);
      expect((await log.append(B, texts('2'), { guard, ordinal: '1' })).kind).toBe('appended');
    });

    test('a fork keeps what its source trims later', async () => {
      const { log, clock } = current();
      const source = created(await log.create(A, { retention: { maxAge: MINUTE } }));
      await log.append(A, texts('1', '2'));
      await log.fork(A, { ...source.start, offset: 2 }, B, { retention: { maxAge: null } });
      clock.advance(MINUTE + 5000);
      await until(async () => (await log.bounds(A))?.earliest.offset === 3);
      expect(await everything(log, B)).toEqual(['1', '2']);
      const gone = await log.fork(A, { ...source.start, offset: 1 }, C);
      expect(gone).toEqual({ kind: 'lost' });
      expect(created(await log.fork(A, { ...source.start, offset: 2 }, C))).toMatchObject({
        start: { offset: 2 },
        latest: { offset: 2 },
      });
      expect(appended(await log.append(C, texts('3'))).position.offset).toBe(3);
      expect(await everything(log, C)).toEqual(['3']);
    });

    test('a fork at what was never there is lost, of nothing missing, over something told', async () => {
      const { log } = current();
      const { latest } = created(await log.create(A, { events: texts('1') }));
      expect(await log.fork(A, { ...latest, offset: 2 }, B)).toEqual({ kind: 'lost' });
      expect(await log.fork(A, { epoch: '0'.repeat(16), offset: 1 }, B)).toEqual({ kind: 'lost' });
      expect(await log.fork(C, latest, B)).toEqual({ kind: 'missing' });
      expect(await log.bounds(B)).toBeUndefined();
      await log.create(B);
      expect(await log.fork(A, latest, B)).toMatchObject({
        kind: 'exists',
        bounds: { latest: { offset: 0 } },
      });
    });

    test("a fork's chain continues that of its source", async () => {
      const { log } = current();
      const source = created(await log.create(A, { events: texts('1', '2', '3') }));
      await log.append(A, texts('4'));
      await log.fork(A, { ...source.start, offset: 2 }, B, { events: texts('b3') });
      await log.append(B, texts('b4'));
      const { start } = bounds(await log.bounds(B));
      const slice = read(await log.read(B, start, { ...WIDE, proof: true }));
      expect(dataOf(slice)).toEqual(['1', '2', 'b3', 'b4']);
      expect(verifyBatches(slice.batches)).toMatchObject({ kind: 'intact', events: 4 });
    });
  });
}

/** The part of the contract that is about the hash chain and erasure (D-5). */
export function proofLaws(current: () => EventLog): void {
  describe('D-5 proof and erasure', () => {
    const proven = { ...WIDE, proof: true };

    test('D-5 the chain verifies from any place, and names the first break', async () => {
      const log = current();
      const { start } = created(await log.create(A));
      await log.append(A, texts('1', '2', '3'));
      await log.append(A, [{ type: 'b', data: new Uint8Array([1, 2]) }]);
      await log.append(A, texts('ü', 'y'.repeat(10_000)));
      for (let offset = 0; offset < 6; offset++) {
        for (let events = 1; events <= 6; events++) {
          const slice = read(await log.read(A, { ...start, offset }, { ...proven, events }));
          expect(verifyBatches(slice.batches)).toMatchObject({
            kind: 'intact',
            events: dataOf(slice).length,
          });
        }
      }
      const { batches } = read(await log.read(A, start, proven));
      const [first, second, third] = batches;
      if (first === undefined || second === undefined || third === undefined)
        throw new Error('three batches');
      const broken = (offset: number, reason: string) => ({ kind: 'broken', offset, reason });
      const forged = { ...second, events: [{ type: 'b', data: new Uint8Array([1, 3]) }] };
      expect(verifyBatches([first, forged, third])).toEqual(broken(4, 'data-changed'));
      const retyped = { ...second, events: second.events.map(({ data }) => ({ type: 'c', data })) };
      expect(verifyBatches([first, retyped, third])).toEqual(broken(4, 'chain-changed'));
      expect(verifyBatches([first, third])).toEqual(broken(4, 'missing-events'));
      expect(verifyBatches([first, { ...third, first: 4 }])).toEqual(broken(4, 'chain-changed'));
    });

    test('D-5 an erased event keeps its place and type, and the chain still verifies', async () => {
      const log = current();
      const { start } = created(await log.create(A));
      await log.append(A, texts('1', 'secret', '3'));
      await log.append(A, texts('also secret'));
      expect(await log.redact(A, { ...start, offset: 2 })).toBe(true);
      expect(await log.redact(A, { ...start, offset: 2 })).toBe(true);
      expect(await log.redact(A, { ...start, offset: 4 })).toBe(true);
      expect(await log.redact(A, { ...start, offset: 5 })).toBe(false);
      expect(await log.redact(A, { ...start, offset: 0 })).toBe(false);
      const slice = read(await log.read(A, start, proven));
      expect(slice.batches.flatMap(({ events }) => events).map(({ data }) => data)).toEqual([
        '1',
        null,
        '3',
        null,
      ]);
      expect(slice.batches[0]?.proof?.nonces[1]).toBeNull();
      expect(verifyBatches(slice.batches)).toMatchObject({ kind: 'intact', events: 4 });
      await log.append(A, texts('5'));
      const whole = read(await log.read(A, { ...start, offset: 1 }, proven));
      expect(verifyBatches(whole.batches)).toMatchObject({ kind: 'intact', events: 4 });
    });

    test('D-5 what is erased is erased in every fork', async () => {
      const log = current();
      const { start } = created(await log.create(A, { events: texts('1', 'secret', '3') }));
      await log.fork(A, { ...start, offset: 2 }, B);
      const fork = bounds(await log.bounds(B));
      expect(await log.redact(B, { ...fork.start, offset: 2 })).toBe(true);
      const data = async (key: StreamKey, from: Position) =>
        read(await log.read(key, from, WIDE)).batches.flatMap(({ events }) =>
          events.map((event) => event.data),
        );
      expect(await data(A, start)).toEqual(['1', null, '3']);
      expect(await data(B, fork.start)).toEqual(['1', null]);
    });
  });
}
