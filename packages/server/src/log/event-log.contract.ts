import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type ManualClock, manualClock } from '../runtime/manual-clock.ts';
import { verifyBatches } from './chain.ts';
import { appended, bounds, created, dataOf, plain, read, texts, until, WIDE } from './contract-answers.ts';
import { forkLaws, proofLaws } from './event-log.fork-contract.ts';
import { checkAgainstModel } from './event-log.model.ts';
import type { EventLog, LogEvent } from './event-log.ts';
import { type StreamKey, streamKey } from './stream-key.ts';

/** What the contract asks of an engine besides the port. */
export interface ContractSetup {
  readonly clock: ManualClock;
}

const A = streamKey('acme', 'tests/a');
const B = streamKey('acme', 'tests/b');
const FOREIGN = streamKey('other', 'tests/a');
const MINUTE = 60_000;

/**
 * The laws of the log, for every engine. `open` gives an empty log that goes by the given clock and keeps to the
 * default retention rule. Nothing here assumes that an engine knows of an append before its promise resolves.
 */
export function eventLogContract(name: string, open: (setup: ContractSetup) => Promise<EventLog>): void {
  describe(`${name} keeps the laws of the log`, () => {
    let clock: ManualClock;
    let log: EventLog;
    beforeEach(async () => {
      clock = manualClock();
      log = await open({ clock });
    });
    afterEach(() => log[Symbol.asyncDispose]());

    describe('create', () => {
      test('a new stream is empty, open and known by what it was made with', async () => {
        const made = created(await log.create(A, { contentType: 'text/plain' }));
        expect(made).toMatchObject({ contentType: 'text/plain', closed: false, epochIndex: 0, bytes: 0 });
        expect(made.createdAt).toBe(clock.now());
        expect([made.start.offset, made.earliest.offset, made.latest.offset]).toEqual([0, 1, 0]);
        expect(await log.bounds(A)).toEqual(made);
      });

      test('a stream is made once; a second create tells its bounds', async () => {
        await log.create(A, { events: texts('one') });
        const again = await log.create(A, { contentType: 'text/plain', events: texts('two') });
        expect(again).toMatchObject({
          kind: 'exists',
          bounds: { contentType: 'application/json', latest: { offset: 1 } },
        });
      });

      test('of many creates at once exactly one makes it', async () => {
        const answers = await Promise.all(Array.from({ length: 8 }, () => log.create(A)));
        expect(answers.filter(({ kind }) => kind === 'created')).toHaveLength(1);
        const epochs = answers.map((answer) => (answer.kind === 'gone' ? '' : answer.bounds.latest.epoch));
        expect(new Set(epochs).size).toBe(1);
      });

      test('first events and closed come with the stream', async () => {
        const made = created(await log.create(A, { events: texts('one', 'two'), closed: true }));
        expect(made).toMatchObject({ closed: true, latest: { offset: 2 } });
        const slice = read(await log.read(A, made.start, WIDE));
        expect(dataOf(slice)).toEqual(['one', 'two']);
        expect(slice.closed).toBe(true);
      });

      test('tenants with streams of the same name do not see each other', async () => {
        const other = streamKey('other', 'tests/a');
        await log.create(A, { events: texts('mine') });
        expect(await log.bounds(other)).toBeUndefined();
        await log.create(other);
        expect((await log.bounds(other))?.latest.offset).toBe(0);
      });
    });

    describe('append and read', () => {
      test('append never creates a stream', async () => {
        expect(await log.append(A, texts('x'))).toEqual({ kind: 'missing' });
        expect(await log.read(A, { epoch: '0'.repeat(16), offset: 0 }, WIDE)).toEqual({ kind: 'missing' });
        expect(await log.bounds(A)).toBeUndefined();
      });

      test('L1 offsets are dense from 1, in the order of the calls, without waiting for answers', async () => {
        const { start } = created(await log.create(A));
        const sizes = [1, 3, 1, 2, 5];
        const answers = await Promise.all(
          sizes.map((size, i) => log.append(A, texts(...Array(size).fill(`b${i}`)))),
        );
        expect(answers.map((answer) => appended(answer).first)).toEqual([1, 2, 5, 6, 8]);
        expect(appended(answers[4]).position.offset).toBe(12);
        const slice = read(await log.read(A, start, WIDE));
        expect(slice.batches.map(({ first }) => first)).toEqual([1, 2, 5, 6, 8]);
        expect(dataOf(slice)).toEqual(sizes.flatMap((size, i) => Array(size).fill(`b${i}`)));
      });

      test('appends may be called before the create they follow was answered', async () => {
        const making = log.create(A);
        const answers = await Promise.all([log.append(A, texts('1')), log.append(A, texts('2'))]);
        const { start } = created(await making);
        expect(answers.map(({ kind }) => kind)).toEqual(['appended', 'appended']);
        expect(dataOf(read(await log.read(A, start, WIDE)))).toEqual(['1', '2']);
      });

      test('an acknowledged append is readable, and its bounds tell of it', async () => {
        const { start } = created(await log.create(A));
        for (let i = 1; i <= 20; i++) {
          const { position } = appended(await log.append(A, texts(`${i}`)));
          const slice = read(await log.read(A, { ...start, offset: i - 1 }, WIDE));
          expect(dataOf(slice)).toEqual([`${i}`]);
          expect(slice.next).toEqual(position);
          expect((await log.bounds(A))?.latest).toEqual(position);
        }
      });

      test('L2 readers see a batch whole or not at all', async () => {
        const { start } = created(await log.create(A));
        const appends = Array.from({ length: 30 }, (_, i) => log.append(A, texts(...Array(7).fill(`${i}`))));
        const reads = Array.from({ length: 30 }, () => log.read(A, start, WIDE));
        for (const slice of await Promise.all(reads)) expect(dataOf(read(slice)).length % 7).toBe(0);
        await Promise.all(appends);
      });

      test('text, bytes, and every kind of character come back as they were', async () => {
        const { start } = created(await log.create(A));
        const events: LogEvent[] = [
          { type: 'a', data: '' },
          { type: 'b.c:d_e-f', data: '{"a":"ünï"}' },
          { type: 'a', data: '\u0000\u007f\u0080\uffff🎥' },
          { type: 'bytes', data: new Uint8Array([0, 255, 128, 10]) },
          { type: 'bytes', data: new Uint8Array(0) },
          { type: 'T'.repeat(64), data: 'x'.repeat(100_000) },
        ];
        await log.append(A, events);
        for (const event of events) await log.append(A, [event]);
        const slice = read(await log.read(A, start, WIDE));
        expect(slice.batches.flatMap((batch) => batch.events).map(plain)).toEqual(
          [...events, ...events].map(plain),
        );
      });

      test('the time of a batch is that of its append, and never goes back', async () => {
        const { start } = created(await log.create(A));
        const first = clock.now();
        await log.append(A, texts('1'));
        clock.advance(5);
        await log.append(A, texts('2'));
        clock.advance(-1000);
        const third = appended(await log.append(A, texts('3')));
        expect(third.time).toBe(first + 5);
        const slice = read(await log.read(A, start, WIDE));
        expect(slice.batches.map(({ time }) => time)).toEqual([first, first + 5, first + 5]);
      });

      test('a read begins and ends inside a batch, by count or by bytes', async () => {
        const { start } = created(await log.create(A));
        await log.append(A, texts('1', '2', '3', '4', '5'));
        await log.append(A, texts('6', '7'));
        const after = { ...start, offset: 2 };
        expect(dataOf(read(await log.read(A, after, { events: 2, bytes: 1000 })))).toEqual(['3', '4']);
        const cut = read(await log.read(A, after, { events: 4, bytes: 1000 }));
        expect(dataOf(cut)).toEqual(['3', '4', '5', '6']);
        expect(cut.batches.map(({ first }) => first)).toEqual([3, 6]);
        expect(cut.next.offset).toBe(6);
        expect(cut.latest.offset).toBe(7);
      });

      test('a read gives at least one event, whatever its size', async () => {
        const { start } = created(await log.create(A));
        await log.append(A, texts('x'.repeat(5000), 'y'));
        const slice = read(await log.read(A, start, { events: 10, bytes: 10 }));
        expect(dataOf(slice)).toEqual(['x'.repeat(5000)]);
      });

      test('a read is bounded by bytes across batches', async () => {
        const { start } = created(await log.create(A));
        for (let i = 0; i < 20; i++) await log.append(A, texts('x'.repeat(1000)));
        const count = dataOf(read(await log.read(A, start, { events: 1000, bytes: 5000 }))).length;
        expect(count).toBeGreaterThan(1);
        expect(count).toBeLessThan(8);
      });

      test('a read at the end is empty and tells where it stands', async () => {
        const { latest } = created(await log.create(A, { events: texts('1') }));
        const slice = read(await log.read(A, latest, WIDE));
        expect(slice).toEqual({ kind: 'events', batches: [], next: latest, latest, closed: false });
      });

      test('malformed appends are refused and change nothing', async () => {
        await log.create(A);
        for (const type of ['', 'a b', 'é', 'x'.repeat(65), 'a\n']) {
          await expect(log.append(A, [{ type, data: '' }])).rejects.toMatchObject({
            code: 'invalid-request',
          });
        }
        await expect(log.append(A, [])).rejects.toMatchObject({ code: 'invalid-request' });
        await expect(log.append(A, [{ type: 'a', data: null }])).rejects.toMatchObject({
          code: 'invalid-request',
        });
        for (const number of [-1, 0.5, Number.NaN]) {
          const guard = { kind: 'writer', id: 'w', epoch: 0, sequence: number } as const;
          await expect(log.append(A, texts('x'), { guard })).rejects.toMatchObject({
            code: 'invalid-request',
          });
        }
        expect((await log.bounds(A))?.latest.offset).toBe(0);
      });
    });

    describe('L5 lost', () => {
      test('L5 a position ahead of the latest is lost, never a wait', async () => {
        const { start, latest } = created(await log.create(A, { events: texts('1', '2') }));
        const ahead = await log.read(A, { ...latest, offset: 3 }, WIDE);
        expect(ahead).toEqual({ kind: 'lost', missed: null, resume: start, latest });
      });

      test('L5 an unknown epoch is lost; what is retained follows', async () => {
        const { start, latest } = created(await log.create(A, { events: texts('1', '2') }));
        for (const epoch of ['0'.repeat(16), 'z'.repeat(16)]) {
          const slice = await log.read(A, { epoch, offset: 1 }, WIDE);
          expect(slice).toEqual({ kind: 'lost', missed: null, resume: start, latest });
        }
      });

      test('L5 before the earliest is lost, with the count of what was missed', async () => {
        const { start } = created(await log.create(A, { retention: { maxAge: MINUTE } }));
        await log.append(A, texts('1', '2'));
        clock.advance(MINUTE - 1);
        await log.append(A, texts('3'));
        clock.advance(2000);
        await until(async () => (await log.bounds(A))?.earliest.offset === 3);
        const resume = { ...start, offset: 2 };
        expect(await log.read(A, start, WIDE)).toMatchObject({ kind: 'lost', missed: 2, resume });
        expect(await log.read(A, { ...start, offset: 1 }, WIDE)).toMatchObject({
          kind: 'lost',
          missed: 1,
          resume,
        });
        expect(dataOf(read(await log.read(A, resume, WIDE)))).toEqual(['3']);
        expect((await log.bounds(A))?.start).toEqual(resume);
      });
    });

    describe('L6 watch', () => {
      test('L6 a call follows an append, a close and a delete', async () => {
        await log.create(A);
        let calls = 0;
        let newest: number | undefined;
        using _ = log.watch(A, (latest) => {
          calls += 1;
          newest = latest ?? newest;
        });
        await log.append(A, texts('1', '2'));
        await until(() => calls > 0);
        expect([undefined, 2]).toContain(newest);
        for (const change of [() => log.close(A), () => log.delete(A)]) {
          calls = 0;
          await change();
          await until(() => calls > 0);
        }
      });

      test('L6 each watcher hears until it is disposed, also of a stream that comes later', async () => {
        const heard = [0, 0];
        const one = log.watch(A, () => void (heard[0] = (heard[0] ?? 0) + 1));
        using _ = log.watch(A, () => void (heard[1] = (heard[1] ?? 0) + 1));
        await log.create(A);
        await log.append(A, texts('1'));
        await until(() => heard.every((count) => count > 0));
        one[Symbol.dispose]();
        const before = [...heard];
        await log.append(A, texts('2'));
        await until(() => (heard[1] ?? 0) > (before[1] ?? 0));
        expect(heard[0]).toBe(before[0]);
      });

      test('L6 who watches all streams hears of each, and of its making and end without a number', async () => {
        const heard: [StreamKey, number | undefined][] = [];
        const watch = log.watchAll((key, latest) => void heard.push([key, latest]));
        const after = async (key: StreamKey, latest: number | undefined, change: () => Promise<unknown>) => {
          heard.length = 0;
          await change();
          await until(() => heard.some(([each, number]) => each === key && number === latest));
          expect(heard.every(([each]) => each === key)).toBe(true);
        };
        await after(A, undefined, () => log.create(A));
        await after(FOREIGN, undefined, () => log.create(FOREIGN, { events: texts('1') }));
        await after(A, 2, () => log.append(A, texts('1', '2')));
        const at = (await log.bounds(A))?.latest ?? { epoch: '', offset: 0 };
        await after(B, undefined, () => log.fork(A, at, B));
        await after(A, undefined, () => log.delete(A));
        heard.length = 0;
        watch[Symbol.dispose]();
        await log.append(B, texts('3'));
        await log.delete(FOREIGN);
        expect(heard).toEqual([]);
      });
    });

    describe('guards', () => {
      test('an expected position lets exactly one of many through', async () => {
        const { latest } = created(await log.create(A));
        const guard = { kind: 'expected', latest } as const;
        const answers = await Promise.all(
          ['a', 'b', 'c'].map((text) => log.append(A, texts(text), { guard })),
        );
        expect(answers.map(({ kind }) => kind)).toEqual(['appended', 'mismatch', 'mismatch']);
        expect(answers[1]).toMatchObject({ latest: { ...latest, offset: 1 } });
        const other = { kind: 'expected', latest: { epoch: '0'.repeat(16), offset: 1 } } as const;
        expect((await log.append(A, texts('d'), { guard: other })).kind).toBe('mismatch');
      });

      const writer = (epoch: number, sequence: number, id = 'w') =>
        ({ guard: { kind: 'writer', id, epoch, sequence } }) as const;

      test('L7 a repeated sequence gets its first answer and adds nothing', async () => {
        await log.create(A);
        const first = appended(await log.append(A, texts('1', '2'), writer(0, 0)));
        const second = appended(await log.append(A, texts('3'), writer(0, 1)));
        await log.append(A, texts('between'));
        const again = await log.append(A, texts('1', '2'), writer(0, 0));
        expect(again).toEqual({
          ...{ kind: 'repeated', position: first.position, sequence: 0, newest: 1 },
          closed: false,
        });
        expect(await log.append(A, texts('3'), writer(0, 1))).toMatchObject({ position: second.position });
        expect((await log.bounds(A))?.latest.offset).toBe(4);
      });

      test('L7 a repeat sent while the first is under way adds nothing either', async () => {
        await log.create(A);
        const answers = await Promise.all(
          [0, 0, 1, 0].map((n) => log.append(A, texts(`${n}`), writer(0, n))),
        );
        expect(answers.map(({ kind }) => kind)).toEqual(['appended', 'repeated', 'appended', 'repeated']);
        expect((await log.bounds(A))?.latest.offset).toBe(2);
      });

      test('L7 a gap is refused and named', async () => {
        await log.create(A);
        const gap = (expected: number, received: number, epoch?: number) => ({
          ...{ kind: 'sequence-gap', expected, received },
          ...(epoch === undefined ? {} : { epoch }),
        });
        expect(await log.append(A, texts('x'), writer(0, 1))).toEqual(gap(0, 1));
        await log.append(A, texts('x'), writer(0, 0));
        expect(await log.append(A, texts('x'), writer(0, 2))).toEqual(gap(1, 2, 0));
        expect(await log.append(A, texts('x'), writer(1, 1))).toEqual(gap(0, 1, 0));
      });

      test('L7 a newer epoch of a writer fences the older one', async () => {
        await log.create(A);
        await log.append(A, texts('old'), writer(1, 0));
        expect((await log.append(A, texts('new'), writer(2, 0))).kind).toBe('appended');
        expect(await log.append(A, texts('old'), writer(1, 1))).toEqual({ kind: 'fenced', epoch: 2 });
        expect(await log.append(A, texts('old'), writer(1, 0))).toEqual({ kind: 'fenced', epoch: 2 });
        expect((await log.append(A, texts('else'), writer(0, 0, 'other'))).kind).toBe('appended');
      });

      test('L7 a fenced writer is told so before it is told that the stream is closed', async () => {
        await log.create(A);
        await log.append(A, texts('old'), writer(1, 0));
        await log.append(A, texts('new'), { ...writer(2, 0), close: true });
        expect(await log.append(A, texts('old'), writer(1, 1))).toEqual({ kind: 'fenced', epoch: 2 });
        expect((await log.append(A, texts('next'), writer(2, 1))).kind).toBe('closed');
        expect((await log.append(A, texts('next'), writer(3, 1))).kind).toBe('closed');
      });

      test('a media type is compared without parameters; another one adds nothing', async () => {
        await log.create(A, { contentType: 'Text/Plain; charset=utf-8' });
        expect((await log.append(A, texts('1'), { mediaType: 'text/plain' })).kind).toBe('appended');
        expect(await log.append(A, texts('2'), { mediaType: 'text/html', ...writer(0, 5) })).toEqual({
          kind: 'other-type',
          contentType: 'Text/Plain; charset=utf-8',
        });
        await log.append(A, [], { mediaType: 'text/html' }).catch(() => undefined);
        expect((await log.append(A, [], { close: true, mediaType: 'text/plain' })).kind).toBe('appended');
        expect((await log.append(A, texts('3'), { mediaType: 'text/html' })).kind).toBe('closed');
      });

      test('an ordinal must be greater than the newest, as text; an append without one changes nothing', async () => {
        await log.create(A);
        const put = async (ordinal: string) => log.append(A, texts(ordinal), { ordinal });
        expect((await put('2')).kind).toBe('appended');
        await log.append(A, texts('without'));
        expect(await put('10')).toEqual({ kind: 'out-of-order', newest: '2' });
        expect(await put('2')).toEqual({ kind: 'out-of-order', newest: '2' });
        expect((await put('a')).kind).toBe('appended');
        expect((await put('B')).kind).toBe('out-of-order');
        const answers = await Promise.all(['b', 'd', 'c', 'e'].map((ordinal) => put(ordinal)));
        expect(answers.map(({ kind }) => kind)).toEqual(['appended', 'appended', 'out-of-order', 'appended']);
        expect((await log.bounds(A))?.latest.offset).toBe(6);
      });

      test('L7 a repeat is known before its ordinal is looked at, and refused appends count for nothing', async () => {
        await log.create(A);
        const first = { ...writer(0, 0), ordinal: 'a' };
        expect((await log.append(A, texts('1'), first)).kind).toBe('appended');
        expect((await log.append(A, texts('1'), first)).kind).toBe('repeated');
        expect((await log.append(A, texts('2'), { ...writer(0, 1), ordinal: 'a' })).kind).toBe(
          'out-of-order',
        );
        expect((await log.append(A, texts('2'), { ...writer(0, 2), ordinal: 'z' })).kind).toBe(
          'sequence-gap',
        );
        expect((await log.append(A, texts('2'), { ...writer(0, 1), ordinal: 'b' })).kind).toBe('appended');
      });
    });

    describe('L8 close', () => {
      test('L8 a closed stream takes nothing more and is read to its end', async () => {
        const { start } = created(await log.create(A, { events: texts('1', '2') }));
        expect(await log.close(A)).toBe(true);
        expect(await log.close(A)).toBe(true);
        expect(await log.append(A, texts('3'))).toMatchObject({ kind: 'closed', latest: { offset: 2 } });
        expect((await log.bounds(A))?.closed).toBe(true);
        expect(read(await log.read(A, start, { ...WIDE, events: 1 })).closed).toBe(false);
        const rest = read(await log.read(A, { ...start, offset: 1 }, WIDE));
        expect(rest.closed).toBe(true);
        expect(read(await log.read(A, rest.next, WIDE)).closed).toBe(true);
      });

      test('L8 a last batch closes with it, atomically; so does an empty one', async () => {
        await log.create(A);
        await log.create(B);
        const last = appended(await log.append(A, texts('1'), { close: true }));
        expect(last.position.offset).toBe(1);
        expect((await log.append(A, texts('2'))).kind).toBe('closed');
        expect(appended(await log.append(B, [], { close: true })).position.offset).toBe(0);
        expect((await log.append(B, texts('2'))).kind).toBe('closed');
      });

      test('L7 L8 the writer that closed may ask again', async () => {
        await log.create(A);
        const guard = { kind: 'writer', id: 'w', epoch: 0, sequence: 0 } as const;
        const first = appended(await log.append(A, texts('1'), { guard, close: true }));
        const again = await log.append(A, texts('1'), { guard, close: true });
        expect(again).toEqual({
          ...{ kind: 'repeated', position: first.position, sequence: 0, newest: 0 },
          closed: true,
        });
      });

      test('closing what is not there says so', async () => {
        expect(await log.close(A)).toBe(false);
        expect(await log.delete(A)).toBe(false);
        expect(await log.retain(A, {})).toBe(false);
        expect(await log.redact(A, { epoch: '0'.repeat(16), offset: 1 })).toBe(false);
      });
    });

    describe('L4 delete', () => {
      test('L4 a later stream of the same name has a greater epoch and nothing of the first', async () => {
        const first = created(await log.create(A, { events: texts('1', '2') }));
        const writer = { kind: 'writer', id: 'w', epoch: 0, sequence: 0 } as const;
        await log.append(A, texts('3'), { guard: writer });
        expect(await log.delete(A)).toBe(true);
        expect(await log.bounds(A)).toBeUndefined();
        expect(await log.append(A, texts('x'))).toEqual({ kind: 'missing' });
        const second = created(await log.create(A, { events: texts('new') }));
        expect(second.latest.epoch > first.latest.epoch).toBe(true);
        expect(await log.read(A, first.start, WIDE)).toMatchObject({ kind: 'lost', resume: second.start });
        expect(dataOf(read(await log.read(A, second.start, WIDE)))).toEqual(['new']);
        expect((await log.append(A, texts('y'), { guard: writer })).kind).toBe('appended');
      });
    });

    describe('time to live', () => {
      test('a stream is gone when its time has come', async () => {
        await log.create(A, { expiresAt: clock.now() + MINUTE });
        clock.advance(MINUTE - 1);
        expect(await log.bounds(A)).toMatchObject({ expiresAt: clock.now() + 1 });
        clock.advance(1);
        expect(await log.bounds(A)).toBeUndefined();
        expect(await log.append(A, texts('x'))).toEqual({ kind: 'missing' });
        expect(await log.list({ tenant: 'acme', limit: 10 })).toEqual([]);
        expect((await log.create(A)).kind).toBe('created');
      });

      test('reading and appending renew a ttl, looking at its bounds does not', async () => {
        const { start } = created(await log.create(A, { ttl: MINUTE }));
        clock.advance(MINUTE - 1);
        await log.append(A, texts('x'));
        clock.advance(MINUTE - 1);
        read(await log.read(A, start, WIDE));
        clock.advance(MINUTE - 1);
        expect(await log.bounds(A)).toMatchObject({ ttl: MINUTE });
        clock.advance(1);
        expect(await log.bounds(A)).toBeUndefined();
      });
    });

    describe('retention', () => {
      test('D-6 the oldest events go beyond a number of bytes; the newest stay', async () => {
        await log.create(A, { retention: { maxBytes: 10_000, maxAge: null } });
        for (let i = 0; i < 40; i++) await log.append(A, texts('x'.repeat(1000)));
        clock.advance(5000);
        await until(async () => ((await log.bounds(A))?.bytes ?? 0) <= 10_000);
        const { start, earliest, latest } = bounds(await log.bounds(A));
        expect(earliest.offset).toBeGreaterThan(20);
        expect(latest.offset).toBe(40);
        const slice = read(await log.read(A, start, WIDE));
        expect(slice.batches[0]?.first).toBe(earliest.offset);
        expect(dataOf(slice)).toHaveLength(41 - earliest.offset);
      });

      test('D-6 seven days by default, a rule may say never, and may change', async () => {
        const week = 7 * 24 * 60 * MINUTE;
        await log.create(A, { events: texts('1') });
        await log.create(B, { events: texts('1'), retention: { maxAge: null } });
        clock.advance(week + 5000);
        await until(async () => (await log.bounds(A))?.earliest.offset === 2);
        expect((await log.bounds(A))?.latest.offset).toBe(1);
        expect((await log.bounds(B))?.earliest.offset).toBe(1);
        expect(await log.retain(B, { maxAge: MINUTE })).toBe(true);
        clock.advance(5000);
        await until(async () => (await log.bounds(B))?.earliest.offset === 2);
        expect(appended(await log.append(B, texts('2'))).position.offset).toBe(2);
      });

      test('what was trimmed does not break the chain of the rest', async () => {
        await log.create(A, { retention: { maxBytes: 3000, maxAge: null } });
        for (let i = 0; i < 10; i++) await log.append(A, texts('x'.repeat(500), `${i}`));
        clock.advance(5000);
        // To the end: while retention goes on, what was the beginning may be gone.
        await until(async () => ((await log.bounds(A))?.bytes ?? 0) <= 3000);
        const { start, earliest } = bounds(await log.bounds(A));
        expect(earliest.offset).toBeGreaterThan(1);
        const slice = read(await log.read(A, start, { ...WIDE, proof: true }));
        expect(verifyBatches(slice.batches)).toMatchObject({ kind: 'intact' });
      });
    });

    forkLaws(() => ({ log, clock }));
    proofLaws(() => log);

    describe('list', () => {
      test('streams come in the order of their names, in pages, of one tenant, by prefix', async () => {
        const names = ['x/2', 'x/10', 'y/1', 'x/1', 'x/1/part', 'z/~2'];
        for (const item of names) await log.create(streamKey('acme', item));
        await log.create(streamKey('other', 'x/0'));
        const all = await log.list({ tenant: 'acme', limit: 100 });
        const sorted = [...names].sort();
        expect(all.map(({ key }) => key)).toEqual(sorted.map((item) => streamKey('acme', item)));
        const paged: StreamKey[] = [];
        for (let after: string | undefined; ; ) {
          const page = await log.list({
            tenant: 'acme',
            limit: 2,
            ...(after === undefined ? {} : { after }),
          });
          const last = page.at(-1);
          if (last === undefined) break;
          paged.push(...page.map(({ key }) => key));
          after = last.key.slice('acme:'.length);
        }
        expect(paged).toEqual(all.map(({ key }) => key));
        const some = await log.list({ tenant: 'acme', prefix: 'x/1', limit: 100 });
        expect(some.map(({ key }) => key)).toEqual(['acme:x/1', 'acme:x/1/part', 'acme:x/10']);
        expect(all[0]?.bounds).toEqual(await log.bounds(streamKey('acme', 'x/1')));
      });
    });

    test('room is given again once everything is committed', async () => {
      await log.create(A);
      await Promise.all(Array.from({ length: 64 }, () => log.append(A, texts('x'.repeat(10_000)))));
      await log.room();
      expect(log.room()).toBeUndefined();
    });

    test('L1 L2 L4 L5 L7 L8 whatever is done in whatever order, it behaves as the model does', async () => {
      await checkAgainstModel(async () => {
        const modelClock = manualClock();
        return { log: await open({ clock: modelClock }), clock: modelClock };
      });
      // Sixty logs are opened and closed.
    }, 240_000);
  });
}
