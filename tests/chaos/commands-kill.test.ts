import EventSource from 'eventsource';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  completeOf,
  connectedOf,
  eventsPath,
  follow,
  lines,
  logged,
  PROJECT,
  readAll,
  start,
} from '../support/commands.ts';
import { loseCommand } from '../support/lost-command.ts';
import { gone, runs } from '../support/processes.ts';
import { type Envelope, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type Frame, jsonOf } from '../support/sse-client.ts';
import { within } from '../support/within.ts';

let server: TestServer;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server?.stop());

const texts = (frames: readonly Frame[]): string[] => logged(frames).map((frame) => frame.text);

test('F5 D-11 CM-12 a command whose server was killed ends as lost: error, complete with -1, closed', async () => {
  const lost = await loseCommand(server);
  const frames = await readAll(server, lost.id);
  expect(frames.at(-2)?.event).toBe('error');
  const complete = completeOf(frames);
  expect(complete).toMatchObject({ exit_code: -1, ending: { kind: 'lost' } });
  expect(complete.duration_ms).toBeGreaterThanOrEqual(0);
  expect(lines(frames)).toEqual([String(lost.pid)]);
  const shown = await request(server, `/projects/${PROJECT}/commands/${lost.id}`);
  expect(shown.json<Envelope<{ status: string }>>().data.status).not.toBe('running');
  // Closed for good: behind complete there is nothing, now and after another restart.
  const last = frames.at(-1)?.id ?? '';
  await server.restart();
  await using finished = await follow(server, lost.id, { lastEventId: last });
  await finished.end();
  expect(finished.status).toBe(204);
  expect(texts(await readAll(server, lost.id))).toEqual(texts(frames));
});

test('F5 no process of a lost command is left, not even one that ignores every polite signal', async () => {
  const id = await start(
    server,
    `trap '' HUP TERM PIPE INT; (trap '' HUP TERM PIPE INT; while :; do sleep 0.2; done) & echo $$ $!; while :; do sleep 0.2; done`,
  );
  const reader = await follow(server, id);
  const pids = jsonOf<{ line: string }>(await reader.event('output'))
    .line.split(' ')
    .map(Number);
  for (const pid of pids) expect(await runs(pid)).toBe(true);
  await server.kill('SIGKILL');
  await reader.end();
  await server.restart();
  for (const pid of pids) await gone(pid);
});

test('L3 CM-18 what a reader saw before the kill is there after it; the last id resumes behind it', async () => {
  const id = await start(server, 'i=0; while :; do i=$((i + 1)); echo "line $i"; done');
  const reader = await follow(server, id);
  await reader.frame((frame) => frame.data?.includes('line 3000"') === true, 'line 3000');
  await server.kill('SIGKILL');
  expect(await reader.end()).toBe('broken');
  const seen = logged(reader.frames);
  await server.restart();

  const all = logged(await readAll(server, id));
  const allLines = lines(all);
  expect(allLines).toEqual(allLines.map((_, i) => `line ${i + 1}`));
  expect(all.slice(0, seen.length).map((frame) => frame.text)).toEqual(seen.map((frame) => frame.text));
  const resumed = await readAll(server, id, { lastEventId: seen.at(-1)?.id ?? '' });
  expect(texts(resumed)).toEqual(all.slice(seen.length).map((frame) => frame.text));
  expect(connectedOf(resumed)).toMatchObject({
    reconnecting: true,
    missed: 0,
    gap: false,
  });
  expect(completeOf(resumed).exit_code).toBe(-1);
});

test('CM-18 CM-30 an EventSource connects again across the restart and hears the end', async () => {
  const id = await start(server, `seq 1 100; while :; do sleep 1; done`);
  const heard: string[] = [];
  let reconnecting = false;
  const source = new EventSource(`${server.url}${eventsPath(id)}`, { headers: { 'X-API-Key': server.key } });
  try {
    const hundred = new Promise<void>((resolve) => {
      source.addEventListener('output', (event: MessageEvent) => {
        heard.push((JSON.parse(event.data) as { line: string }).line);
        if (heard.length === 100) resolve();
      });
    });
    source.addEventListener('connected', (event: MessageEvent) => {
      reconnecting = (JSON.parse(event.data) as { reconnecting: boolean }).reconnecting;
    });
    const messages: string[] = [];
    source.addEventListener('error', (event: MessageEvent) => {
      if (event.data) messages.push((JSON.parse(event.data) as { message: string }).message);
    });
    const complete = new Promise<{ exit_code: number }>((resolve) => {
      source.addEventListener('complete', (event: MessageEvent) =>
        resolve(JSON.parse(event.data) as { exit_code: number }),
      );
    });
    await within(hundred, 'a hundred lines');
    await server.kill('SIGKILL');
    await server.restart();
    expect((await within(complete, 'complete after the restart')).exit_code).toBe(-1);
    expect(reconnecting).toBe(true);
    expect(messages).toHaveLength(1);
    expect(heard).toEqual(Array.from({ length: 100 }, (_, i) => String(i + 1)));
  } finally {
    source.close();
  }
});

test('CM-15 SIGTERM while readers are attached: no answer ends inside a frame, not even to a slow reader', async () => {
  const id = await start(server, 'seq 1 100000000');
  const slow = await Promise.all(Array.from({ length: 3 }, () => follow(server, id)));
  for (const reader of slow) reader.pause();
  await using quick = await follow(server, id);
  // More than the system buffers for a socket: what the slow ones have not taken waits in the server.
  await quick.frame((frame) => frame.data?.includes('"120000"') === true, 'line 120000');
  const exit = server.kill('SIGTERM');
  expect(await quick.end()).toBe('ended');
  expect(quick.rest).toBe('');
  // The server has long turned to leaving, and waits for nobody but the slow ones.
  for (let i = 0; i < 30; i++) expect((await request(server, '/health/ready')).status).toBe(503);
  for (const reader of slow) reader.resume();
  for (const reader of slow) {
    expect(await reader.end()).toBe('ended');
    expect(reader.rest).toBe('');
  }
  expect(await exit).toEqual({ code: 0, signal: null });
});

test('F14 SIGTERM ends the commands; after the restart their streams are closed and whole', async () => {
  const id = await start(server, 'sleep 600 & echo $$ $!; wait');
  await using reader = await follow(server, id);
  const frame = await reader.event('output');
  const pids = jsonOf<{ line: string }>(frame).line.split(' ').map(Number);
  await server.kill('SIGTERM');
  await reader.end();
  expect(reader.rest).toBe('');
  for (const pid of pids) await gone(pid);
  await server.restart();
  const resumed = await readAll(server, id, { lastEventId: frame.id ?? '' });
  const complete = completeOf(resumed);
  expect(Number.isInteger(complete.exit_code)).toBe(true);
  expect(lines(resumed)).toEqual([]);
});

test('F5 commands that had ended before the kill keep their own endings', async () => {
  const id = await start(server, 'echo fine; exit 5');
  const before = await readAll(server, id);
  await server.kill('SIGKILL');
  await server.restart();
  const after = await readAll(server, id);
  expect(texts(after)).toEqual(texts(before));
  expect(completeOf(after)).toMatchObject({ exit_code: 5, ending: { kind: 'exited' } });
});

test('CM-25 the data folder remembers its projects and keys; a second server on it is refused', async () => {
  const made = await request(server, '/keys', {
    method: 'POST',
    body: { name: 'kept', scopes: ['projects:execute'] },
  });
  const { key } = made.json<Envelope<{ key: string }>>().data;
  await server.kill('SIGKILL');
  await server.restart();
  expect(completeOf(await readAll(server, await start(server, 'true', { key }))).exit_code).toBe(0);
  const second = startServer({ env: { PLAYHEAD_DATA: server.dataFolder } });
  await expect(second).rejects.toThrow(/ended before it was ready/);
});
