import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  completeOf,
  connectedOf,
  eventsPath,
  follow,
  lines,
  logged,
  readAll,
  start,
} from '../support/commands.ts';
import { makeGate } from '../support/gate.ts';
import { runs } from '../support/processes.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type EventReader, type Frame, jsonOf, openStream } from '../support/sse-client.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

const texts = (frames: readonly Frame[]): string[] => logged(frames).map((frame) => frame.text);

interface Connected {
  readonly reconnecting: boolean;
  readonly requested: string | null;
  readonly missed: number | null;
  readonly gap: boolean;
}

const connected = (frames: readonly Frame[]): Connected => connectedOf<Connected>(frames);

test('CM-5 a command that ended before anybody looked is replayed whole, as often as asked', async () => {
  const id = await start(server, 'echo a; echo b >&2; exit 6');
  const first = await readAll(server, id);
  const second = await readAll(server, id);
  expect(completeOf(first).exit_code).toBe(6);
  expect(lines(first).sort()).toEqual(['a', 'b']);
  expect(texts(second)).toEqual(texts(first));
  expect(connected(second).reconnecting).toBe(false);
});

test('CM-18 resumes at every position without loss or repetition, by header and by query', async () => {
  const id = await start(server, 'for i in $(seq 1 12); do echo "out $i"; echo "err $i" >&2; done');
  const all = logged(await readAll(server, id));
  expect(all).toHaveLength(25);
  for (const [index, frame] of all.slice(0, -1).entries()) {
    const rest = all.slice(index + 1).map((later) => later.text);
    const byHeader = await readAll(server, id, { lastEventId: frame.id ?? '' });
    expect(texts(byHeader)).toEqual(rest);
    expect(connected(byHeader)).toMatchObject({
      reconnecting: true,
      requested: frame.id,
      missed: 0,
      gap: false,
    });
    await using byQuery = await openStream(server, eventsPath(id, `&after=${frame.id}`));
    await byQuery.end();
    expect(texts(byQuery.frames)).toEqual(rest);
  }
});

test('CM-18 resumes while the command runs: replay and live join without a seam', async () => {
  await using gate = await makeGate();
  const id = await start(server, `seq 1 300; ${gate.wait}; seq 301 600`);
  await using whole = await follow(server, id);
  await whole.frame((frame) => frame.data?.includes('"300"') === true, 'line 300');
  const seen = logged(whole.frames);
  const resumed: { readonly from: number; readonly reader: EventReader }[] = [];
  for (const from of [0, 1, 150, 298, 299]) {
    resumed.push({ from, reader: await follow(server, id, { lastEventId: seen[from]?.id ?? '' }) });
  }
  await gate.open();
  await whole.end();
  const all = texts(whole.frames);
  expect(lines(whole.frames)).toEqual(Array.from({ length: 600 }, (_, i) => String(i + 1)));
  for (const { from, reader } of resumed) {
    await reader.end();
    expect(texts(reader.frames)).toEqual(all.slice(from + 1));
  }
});

test('CM-18 a reader that is cut again and again puts the whole together', async () => {
  await using gate = await makeGate();
  const id = await start(server, `for i in $(seq 1 40); do echo $i; done; ${gate.wait}; seq 41 60`);
  const collected: string[] = [];
  let lastEventId = '';
  for (let round = 1; round <= 8; round++) {
    await using reader = await follow(server, id, lastEventId === '' ? {} : { lastEventId });
    const upTo = String(round * 5);
    const last = await reader.frame((frame) => frame.data?.includes(`"${upTo}"`) === true, `line ${upTo}`);
    collected.push(...texts(reader.frames.slice(0, reader.frames.indexOf(last) + 1)));
    lastEventId = last.id ?? '';
  }
  await gate.open();
  collected.push(...texts(await readAll(server, id, { lastEventId })));
  expect(collected).toEqual(texts(await readAll(server, id)));
});

test('CM-18 D-7 an id that this stream never gave replays from the oldest, and says that it does', async () => {
  const id = await start(server, 'echo a; echo b');
  const all = await readAll(server, id);
  const foreign = logged(await readAll(server, await start(server, 'echo other')))[0]?.id ?? '';
  const ahead = (all.at(-1)?.id ?? '').replace(/.$/, (digit) => String((Number(digit) + 5) % 10));
  for (const lastEventId of ['evt-001', `${id}:17`, 'é ü', '0', foreign, ahead]) {
    const replayed = await readAll(server, id, { lastEventId: encodeURIComponent(lastEventId) });
    expect(texts(replayed), lastEventId).toEqual(texts(all));
    expect(connected(replayed), lastEventId).toMatchObject({ reconnecting: true, gap: true, missed: null });
  }
});

test('CM-19 connected comes again, and first, on every reconnection', async () => {
  await using gate = await makeGate();
  const id = await start(server, `echo a; ${gate.wait}`);
  await using first = await follow(server, id);
  const output = await first.event('output');
  expect(connected(first.frames).reconnecting).toBe(false);
  first.close();
  await using second = await follow(server, id, { lastEventId: output.id ?? '' });
  await second.event('connected');
  expect(connected(second.frames).reconnecting).toBe(true);
});

test('CM-20 the answer ends after complete; behind complete there is only 204', async () => {
  const id = await start(server, 'echo a; exit 1');
  await using reader = await follow(server, id);
  expect(await reader.end()).toBe('ended');
  expect(reader.frames.at(-1)?.event).toBe('complete');
  const lastEventId = reader.frames.at(-1)?.id ?? '';
  for (const options of [{ lastEventId }, { lastEventId, key: null }]) {
    await using finished = await follow(server, id, options);
    await finished.end();
    expect(finished.status).toBe(204);
    expect(finished.body).toHaveLength(0);
    expect(finished.headers['content-type']).toBeUndefined();
  }
  // Without a cursor, or with one before the end, there is always something to tell.
  expect((await readAll(server, id)).length).toBeGreaterThan(1);
});

test('CM-20 a live reader’s answer ends by itself, right behind complete', async () => {
  await using gate = await makeGate();
  const id = await start(server, gate.wait);
  await using reader = await follow(server, id);
  await reader.event('connected');
  await gate.open();
  expect(await reader.end()).toBe('ended');
  completeOf(reader.frames);
});

test('CM-28 all subscribers of a stream see the same bytes, early and late ones', async () => {
  await using gate = await makeGate();
  const id = await start(server, `seq 1 200; ${gate.wait}; seq 201 400; echo e >&2`);
  const early = await Promise.all(Array.from({ length: 20 }, () => follow(server, id)));
  await Promise.all(early.map((reader) => reader.event('output')));
  const late = await Promise.all(Array.from({ length: 5 }, () => follow(server, id)));
  await gate.open();
  const bodies = new Set<string>();
  for (const reader of [...early, ...late]) {
    await reader.end();
    bodies.add(texts(reader.frames).join(''));
  }
  expect(bodies.size).toBe(1);
  expect([...bodies][0]?.split('event: output').length).toBe(402);
});

test('CM-28 a reader that takes nothing holds up neither the command nor the others, and misses nothing', async () => {
  const id = await start(server, 'seq 1 400000');
  await using slow = await follow(server, id);
  slow.pause();
  await using quick = await follow(server, id);
  await quick.end();
  expect(completeOf(quick.frames).exit_code).toBe(0);
  slow.resume();
  await slow.end();
  expect(texts(slow.frames).join('') === texts(quick.frames).join('')).toBe(true);
  expect(lines(quick.frames)).toHaveLength(400_000);
});

test('CM-29 a command goes on when every reader has gone, and its output is all there', async () => {
  await using gate = await makeGate();
  const id = await start(server, `echo $$; ${gate.wait}; echo after; exit 3`);
  const reader = await follow(server, id);
  const pid = Number(jsonOf<{ line: string }>(await reader.event('output')).line);
  reader.close();
  await reader.end();
  // Another command runs to its end meanwhile: the server has long seen the reader go.
  await readAll(server, await start(server, 'true'));
  expect(await runs(pid)).toBe(true);
  await gate.open();
  const frames = await readAll(server, id);
  expect(lines(frames)).toEqual([String(pid), 'after']);
  expect(completeOf(frames).exit_code).toBe(3);
});
