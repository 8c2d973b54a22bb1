import { type Receipt } from '@playhead/protocol';
import { describe, expect, test } from 'vitest';
import { jsonOf, openEvents } from '../event-reader.ts';
import { openSocket } from '../socket.ts';
import { append, lostPosition, makeStream, readPage, streamPath } from '../streams.ts';

describe('4 Receipts', () => {
  test('P-41 the first event is the receipt', async () => {
    const name = await makeStream();
    const [first, latest] = [await append(name, 1), await append(name, 2)];
    using reader = await openEvents(streamPath(name, `?after=${first}`));
    await reader.logged(1);
    const [receipt] = reader.events;
    if (receipt === undefined) throw new Error('nothing came');
    expect(receipt.event).toBe('receipt');
    const { epoch } = await readPage(name);
    expect(jsonOf<Receipt>(receipt)).toEqual({
      requested: first,
      from: first,
      latest,
      missed: 0,
      gap: false,
      epoch,
    });
    using unnamed = await openEvents(streamPath(name, '?after=live'));
    expect(jsonOf<Receipt>(await unnamed.named('receipt'))).toMatchObject({ requested: null, from: latest });
  });

  test('P-42 gap is true unless nothing is missed', async () => {
    const name = await makeStream();
    for (const after of ['start', 'live', await append(name, 1)]) {
      using reader = await openEvents(streamPath(name, `?after=${after}`));
      expect(jsonOf<Receipt>(await reader.named('receipt'))).toMatchObject({ missed: 0, gap: false });
    }
    const old = await lostPosition(name);
    using reader = await openEvents(streamPath(name, `?after=${old}`));
    const { missed, gap } = jsonOf<Receipt>(await reader.named('receipt'));
    expect([missed, gap]).toEqual([missed === null ? null : expect.any(Number), true]);
    expect(missed).not.toBe(0);
  });

  test('P-44 a position that is lost is told, and events follow from the earliest', async () => {
    const name = await makeStream();
    const old = await lostPosition(name);
    await append(name, 'a', 'b');
    using reader = await openEvents(streamPath(name), { lastEventId: old });
    expect(reader.status).toBe(200);
    expect((await reader.logged(2)).map(({ data }) => data)).toEqual(['"a"', '"b"']);
    expect(jsonOf<Receipt>(await reader.named('receipt'))).toMatchObject({ requested: old, gap: true });
    using socket = await openSocket();
    socket.send({ type: 'subscribe', stream: name, after: old });
    expect(await socket.next('receipt')).toMatchObject({ stream: name, requested: old, gap: true });
    expect(await socket.events(name, 2)).toMatchObject([{ data: 'a' }, { data: 'b' }]);
  });
});
