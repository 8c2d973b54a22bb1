import { comparePositions, parsePosition } from '@playhead/protocol';
import { describe, expect, test } from 'vitest';
import { ask, expectProblem } from '../ask.ts';
import { openEvents } from '../event-reader.ts';
import { openSocket } from '../socket.ts';
import { append, datas, lostPosition, makeStream, readAll, readPage, streamPath } from '../streams.ts';

describe('1 Positions', () => {
  test('P-2 a token has at most 40 characters that a URL and a header take as they are', async () => {
    const name = await makeStream();
    await append(name, 1, 2);
    const { earliest, latest, next, events } = await readPage(name);
    for (const token of [earliest, latest, next, ...events.map(({ position }) => position)]) {
      expect(token).toMatch(/^[0-9a-z-]{1,40}$/);
    }
  });

  test('P-3 tokens sort as text in the order of their events', async () => {
    const name = await makeStream();
    for (let i = 0; i < 4; i++) await append(name, ...Array.from({ length: 30 }, (_, at) => at));
    const tokens = (await readAll(name)).map(({ position }) => position);
    expect(tokens).toHaveLength(120);
    expect(tokens.toSorted()).toEqual(tokens);
    expect(new Set(tokens).size).toBe(tokens.length);
  });

  test('P-4 a position has one spelling: any other text is malformed', async () => {
    const name = await makeStream();
    const token = await append(name, 1);
    const others = [token.toUpperCase(), `${token} `, `${token}0`, token.replace('-a', '-b'), '1', 'x'];
    for (const other of others) {
      const answer = await ask(streamPath(name, `?after=${encodeURIComponent(other)}`));
      expect([other, answer.status]).toEqual([other, 400]);
    }
  });

  test('P-5 within an epoch offsets are dense, and a new epoch sorts behind the older', async () => {
    const name = await makeStream();
    await append(name, 1, 2, 3);
    await append(name, 4);
    const old = await lostPosition(name);
    await append(name, 'new');
    const events = await readAll(name);
    const [first] = events.map(({ position }) => parsePosition(position));
    const before = parsePosition(old);
    if (first === undefined || before === undefined) throw new Error('no positions');
    expect([before.offset, first.offset]).toEqual([5, 1]);
    expect(first.epoch > before.epoch).toBe(true);
    expect(comparePositions(before, first)).toBeLessThan(0);
    expect(old < (events[0]?.position ?? '')).toBe(true);
  });

  test('P-6 the epoch changes when history is reset, and not otherwise', async () => {
    const name = await makeStream();
    const { epoch } = await readPage(name);
    await append(name, 1);
    await ask(streamPath(name), { method: 'PUT', body: { ttl_seconds: 3600 } });
    await append(name, 2);
    expect((await readPage(name)).epoch).toBe(epoch);
    await lostPosition(name);
    expect((await readPage(name)).epoch).not.toBe(epoch);
  });

  test('P-7 a position means the same to pages, event streams and sockets', async () => {
    const name = await makeStream();
    const position = await append(name, 1, 2, 3);
    await append(name, 4, 5);
    expect(datas((await readPage(name, `?after=${position}`)).events)).toEqual([4, 5]);
    using events = await openEvents(streamPath(name), { lastEventId: position });
    expect((await events.logged(2)).map(({ data }) => data)).toEqual(['4', '5']);
    using socket = await openSocket();
    socket.send({ type: 'subscribe', stream: name, after: position });
    expect(datas(await socket.events(name, 2))).toEqual([4, 5]);
  });

  test('P-8 start stands before the earliest event, live behind the latest', async () => {
    const name = await makeStream();
    await append(name, 1, 2);
    expect(datas((await readPage(name, '?after=start')).events)).toEqual([1, 2]);
    const live = await readPage(name, '?after=live');
    expect([live.events, live.next]).toEqual([[], live.latest]);
    using events = await openEvents(streamPath(name, '?after=start'));
    expect((await events.logged(2)).map(({ data }) => data)).toEqual(['1', '2']);
    expectProblem(await ask(streamPath(name, '?after=end')), 400, 'invalid-position');
  });
});
