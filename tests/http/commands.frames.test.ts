import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type Complete,
  completeOf,
  connectedOf,
  follow,
  logged,
  named,
  PROJECT,
  readAll,
  run,
  start,
} from '../support/commands.ts';
import { makeGate } from '../support/gate.ts';
import { loseCommand } from '../support/lost-command.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type Frame, jsonOf } from '../support/sse-client.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

const names = (frames: readonly Frame[]): (string | undefined)[] => frames.map((frame) => frame.event);

test('CM-4 the answer is text/event-stream, chunked, uncompressed and never cached or buffered', async () => {
  const id = await start(server, 'echo x');
  await using reader = await follow(server, id, { headers: { 'accept-encoding': 'gzip, deflate, br' } });
  expect(reader.status).toBe(200);
  expect(reader.headers['content-type']).toMatch(/^text\/event-stream/);
  expect(reader.headers['transfer-encoding']).toBe('chunked');
  expect(reader.headers['content-length']).toBeUndefined();
  expect(reader.headers['content-encoding']).toBeUndefined();
  expect(reader.headers['cache-control']).toContain('no-cache');
  expect(reader.headers['x-accel-buffering']).toBe('no');
  await reader.end();
});

test('CM-6 connected comes first, with JSON that says where the reader stands', async () => {
  const id = await start(server, 'echo x');
  const frames = await readAll(server, id);
  expect(named(frames)[0]?.id).toBeUndefined();
  expect(connectedOf(frames)).toMatchObject({ project: PROJECT, stream_id: id, reconnecting: false });
});

test('CM-6 D-8 connected carries the receipt: requested, from, latest, missed, gap, epoch', async () => {
  const frames = await readAll(server, await start(server, 'echo x'));
  expect(connectedOf(frames)).toMatchObject({
    requested: null,
    from: expect.any(String),
    latest: expect.any(String),
    missed: 0,
    gap: false,
    epoch: expect.any(String),
  });
});

test('CM-7 output has line and stream, both always, the line without its newline', async () => {
  const frames = await run(server, 'echo a; echo b >&2; echo');
  const output = frames.filter((frame) => frame.event === 'output').map((frame) => jsonOf<object>(frame));
  expect(output).toHaveLength(3);
  for (const data of output) {
    expect(Object.keys(data).sort()).toEqual(['line', 'stream']);
    expect((data as { line: string }).line).not.toContain('\n');
    expect((data as { stream: string }).stream).toMatch(/^(stdout|stderr)$/);
  }
});

test('CM-9 complete holds exit_code and duration_ms, both as plain integers', async () => {
  const frames = await run(server, 'exit 5');
  const text = frames.at(-1)?.data ?? '';
  expect(text).toMatch(/"exit_code":5[,}]/);
  expect(text).toMatch(/"duration_ms":\d+[,}]/);
  expect(completeOf(frames).duration_ms).toBeLessThan(60_000);
});

test('CM-9 D-11 a signal gives 128 + n as an integer, and its name', async () => {
  for (const [signal, number] of [
    ['KILL', 9],
    ['TERM', 15],
    ['SEGV', 11],
  ] as const) {
    const frames = await run(server, `kill -${signal} $$`);
    expect(frames.at(-1)?.data).toMatch(new RegExp(`"exit_code":${128 + number}[,}]`));
    expect(completeOf(frames)).toMatchObject({
      signal: `SIG${signal}`,
      ending: { kind: 'signalled', name: `SIG${signal}` },
    });
  }
});

test('CM-9 duration_ms counts what passed', async () => {
  await using gate = await makeGate();
  const id = await start(server, `echo x; ${gate.wait}`);
  await using reader = await follow(server, id);
  await reader.event('output');
  const seen = performance.now();
  await reader.event('heartbeat');
  const passed = performance.now() - seen;
  await gate.open();
  expect(jsonOf<Complete>(await reader.event('complete')).duration_ms).toBeGreaterThanOrEqual(
    Math.floor(passed),
  );
});

test('CM-10 CM-27 heartbeat is a named event with JSON, sent while nothing else is', async () => {
  await using gate = await makeGate();
  const id = await start(server, gate.wait);
  await using reader = await follow(server, id);
  const first = await reader.event('heartbeat');
  const second = await reader.event('heartbeat', reader.frames.indexOf(first) + 1);
  for (const beat of [first, second]) {
    expect(beat.text).toMatch(/^event: heartbeat\ndata: \{.*\}\n\n$/);
    expect(Number.isNaN(Date.parse(String(jsonOf<{ timestamp: string }>(beat).timestamp)))).toBe(false);
  }
  await gate.open();
  await reader.end();
});

test('CM-11 CM-12 error is a named event with a message, and complete still follows', async () => {
  const lost = await loseCommand(server);
  const frames = await readAll(server, lost.id);
  expect(names(logged(frames)).slice(-2)).toEqual(['error', 'complete']);
  const error = frames.at(-2) as Frame;
  expect(error.text).toMatch(/^id: \S+\nevent: error\ndata: \{.*\}\n\n$/);
  expect(jsonOf<{ message: string }>(error).message).toMatch(/\S/);
  expect(completeOf(frames)).toMatchObject({ exit_code: -1, ending: { kind: 'lost' } });
  expect(frames.at(-1)?.data).toMatch(/"exit_code":-1[,}]/);
  expect(frames.at(-1)?.data).toMatch(/"duration_ms":\d+[,}]/);
});

test('CM-13 CM-14 CM-15 every frame is id, event, one data line: one space, LF, a blank line, nothing else', async () => {
  await using gate = await makeGate();
  const id = await start(server, `printf 'a\\r\\nb\\rc\\n'; echo; echo e >&2; ${gate.wait}; exit 2`);
  await using reader = await follow(server, id);
  await reader.event('heartbeat');
  await gate.open();
  expect(await reader.end()).toBe('ended');
  expect(reader.rest).toBe('');
  expect(reader.body.includes('\r')).toBe(false);
  // Comments and `retry:` stand in frames of their own, without a name.
  const all = reader.frames.filter((frame) => !frame.lines.every((line) => /^(: .*|retry: \d+)$/.test(line)));
  for (const frame of all) {
    expect(frame.text).toMatch(
      /^(id: \S+\n)?event: (connected|output|complete|heartbeat|error)\ndata: \{[^\n]*\}\n\n$/,
    );
    expect(() => jsonOf(frame)).not.toThrow();
  }
  expect(new Set(names(all))).toEqual(new Set(['connected', 'output', 'heartbeat', 'complete']));
});

test('CM-15 every frame comes whole in the body, whatever the reader’s pace', async () => {
  const id = await start(server, 'seq 1 5000');
  const frames = await readAll(server, id);
  await using again = await follow(server, id);
  again.pause();
  again.resume();
  expect(await again.end()).toBe('ended');
  expect(again.rest).toBe('');
  expect(logged(again.frames).map((frame) => frame.text)).toEqual(logged(frames).map((frame) => frame.text));
});

test('CM-17 D-9 output, complete and error have an id: unique and rising; connected and heartbeat have none', async () => {
  await using gate = await makeGate();
  const id = await start(server, `seq 1 120; ${gate.wait}; echo last`);
  await using reader = await follow(server, id);
  await reader.event('heartbeat');
  await gate.open();
  await reader.end();
  for (const frame of reader.frames) {
    if (frame.event === 'output' || frame.event === 'complete')
      expect(frame.id).toMatch(/^[A-Za-z0-9._~-]{1,40}$/);
    else expect(frame.id).toBeUndefined();
  }
  const ids = logged(reader.frames).map((frame) => frame.id ?? '');
  expect(new Set(ids).size).toBe(ids.length);
  expect([...ids].sort()).toEqual(ids);
  expect(ids).toHaveLength(122);
});

test('CM-4 HEAD tells the same headers and sends nothing', async () => {
  const id = await start(server, 'echo x');
  await using reader = await follow(server, id, { method: 'HEAD' });
  await reader.end();
  expect(reader.status).toBe(200);
  expect(reader.headers['content-type']).toMatch(/^text\/event-stream/);
  expect(reader.body).toHaveLength(0);
});
