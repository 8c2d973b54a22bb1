import { describe, expect, test } from 'vitest';
import { ask, expectProblem } from '../ask.ts';
import {
  append,
  datas,
  freshName,
  makeStream,
  post,
  PREFIX,
  readAll,
  readPage,
  streamPath,
} from '../streams.ts';

describe('2 Events', () => {
  test('P-11 an event is {position, type, time, data}, and data is any JSON value', async () => {
    const name = await makeStream();
    const values = [null, true, 0, -1.5e300, '', 'ä\u2028𝄞', [], {}, { a: [{ b: null }] }];
    await append(name, ...values);
    const events = await readAll(name);
    expect(datas(events)).toEqual(values);
    for (const event of events) {
      expect(Object.keys(event).toSorted()).toEqual(['data', 'position', 'time', 'type']);
      expect(event.time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(event.type).toBe('n');
    }
    for (const type of ['A-z.0_9:x', 'x'.repeat(64)]) {
      expect((await post(name, { type, data: 1 })).status).toBe(200);
    }
    for (const type of ['', 'x'.repeat(65), 'a b', 'ä', 7, null]) {
      expectProblem(await post(name, { type, data: 1 }), 400, 'invalid-request');
    }
    expectProblem(await post(name, { type: 'n' }), 400, 'invalid-request');
  });

  test('P-12 time does not go back', async () => {
    const name = await makeStream();
    await Promise.all(Array.from({ length: 20 }, (_, i) => append(name, i)));
    const times = (await readAll(name)).map(({ time }) => time);
    expect(times).toHaveLength(20);
    expect(times.toSorted()).toEqual(times);
  });

  test('P-15 what was appended together is visible together', async () => {
    const name = await makeStream();
    const appends = (async () => {
      for (let i = 0; i < 30; i++) await append(name, i, i, i, i, i, i, i);
    })();
    let count = 0;
    while (count < 210) {
      count = (await readPage(name, '?limit=1000')).events.length;
      expect(count % 7).toBe(0);
    }
    await appends;
  });

  test('P-16 a closed stream gets no further events', async () => {
    const name = await makeStream();
    expect((await post(name, { events: [{ type: 'n', data: 1 }], close: true })).status).toBe(200);
    expectProblem(await post(name, { type: 'n', data: 2 }), 409, 'stream-closed');
    expect((await readPage(name)).closed).toBe(true);
    expect(datas(await readAll(name))).toEqual([1]);
  });

  test('P-17 names are segments of unreserved characters, and nothing else names a stream', async () => {
    const good = [
      `${PREFIX}-one`,
      `${freshName()}/a.b_c~d-E/9`,
      `${PREFIX}/${'x'.repeat(255 - PREFIX.length)}`,
    ];
    for (const name of good) {
      const made = await ask(streamPath(name), { method: 'PUT', body: { ttl_seconds: 3600 } });
      expect([name, made.status]).toEqual([name, 201]);
      expect((await readPage(name)).stream).toBe(name);
    }
    const bad = [
      'a//b',
      'a/./b',
      'a/../b',
      '/a',
      'a/',
      'a/b%20c',
      'a/%C3%A4',
      'a%00b',
      `a/${'x'.repeat(255)}`,
    ];
    for (const name of bad) {
      const { status } = await ask(streamPath(name), { method: 'PUT' });
      expect([name, status]).toEqual([name, expect.toBeOneOf([400, 404, 405])]);
    }
  });
});
