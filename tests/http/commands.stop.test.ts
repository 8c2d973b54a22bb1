import { afterAll, beforeAll, expect, test } from 'vitest';
import { completeOf, follow, lines, logged, PROJECT, post, readAll, start } from '../support/commands.ts';
import { makeGate } from '../support/gate.ts';
import { gone } from '../support/processes.ts';
import { type Envelope, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type Frame, jsonOf } from '../support/sse-client.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

interface Command {
  readonly id: string;
  readonly project: string;
  readonly type: string;
  readonly command: string;
  readonly status: string;
  readonly stream_url: string;
  readonly created_at: string;
}

const COMMANDS = `/projects/${PROJECT}/commands`;
const show = async (id: string): Promise<Command> =>
  (await request(server, `${COMMANDS}/${id}`)).json<Envelope<Command>>().data;

/** A command's first output: the process ids that it printed. */
async function pids(id: string): Promise<number[]> {
  await using reader = await follow(server, id);
  const frame = await reader.event('output');
  return jsonOf<{ line: string }>(frame).line.split(' ').map(Number);
}

test('CM-1 a project’s commands are listed and shown, newest first, with their state', async () => {
  await using gate = await makeGate();
  const ended = await start(server, 'exit 2');
  await readAll(server, ended);
  const running = await start(server, gate.wait);
  const all = (await request(server, COMMANDS)).json<Envelope<readonly Command[]>>().data;
  expect(all.slice(0, 2).map((command) => command.id)).toEqual([running, ended]);
  expect(await show(running)).toMatchObject({
    id: running,
    project: PROJECT,
    type: 'shell',
    status: 'running',
  });
  expect(await show(ended)).toMatchObject({ id: ended, command: 'exit 2', status: 'failed', exit_code: 2 });
  await gate.open();
  await readAll(server, running);
  expect(await show(running)).toMatchObject({ status: 'completed', exit_code: 0 });
});

test('F14 DELETE stops a command: its stream ends with complete, its whole group is gone', async () => {
  const id = await start(server, 'sleep 600 & echo $$ $!; wait');
  const group = await pids(id);
  await using reader = await follow(server, id);
  const stopped = await request(server, `${COMMANDS}/${id}`, { method: 'DELETE' });
  expect(stopped.status).toBeGreaterThanOrEqual(200);
  expect(stopped.status).toBeLessThan(300);
  expect(await reader.end()).toBe('ended');
  expect(completeOf(reader.frames)).toMatchObject({ exit_code: 143, ending: { kind: 'stopped' } });
  for (const pid of group) await gone(pid);
});

test('F14 a command that ignores SIGTERM is killed after the grace', async () => {
  const id = await start(server, `trap '' TERM; echo $$; while :; do sleep 0.1; done`);
  const [pid = 0] = await pids(id);
  await request(server, `${COMMANDS}/${id}`, { method: 'DELETE' });
  expect(completeOf(await readAll(server, id))).toMatchObject({
    exit_code: 137,
    ending: { kind: 'stopped' },
  });
  await gone(pid);
});

test('F14 a command may end well on SIGTERM: what it still writes is kept, its own code counts', async () => {
  const id = await start(server, `trap 'echo bye; exit 7' TERM; echo $$; while :; do sleep 0.1; done`);
  await pids(id);
  await request(server, `${COMMANDS}/${id}`, { method: 'DELETE' });
  const frames = await readAll(server, id);
  expect(lines(frames).at(-1)).toBe('bye');
  expect(completeOf(frames).exit_code).toBe(7);
});

test('F14 stopping again, and what has ended already, is no error and changes nothing', async () => {
  const id = await start(server, 'exit 4');
  const before = logged(await readAll(server, id));
  for (let i = 0; i < 2; i++) {
    const answer = await request(server, `${COMMANDS}/${id}`, { method: 'DELETE' });
    expect(answer.status).toBeGreaterThanOrEqual(200);
    expect(answer.status).toBeLessThan(300);
  }
  expect(logged(await readAll(server, id)).map((frame) => frame.text)).toEqual(
    before.map((frame) => frame.text),
  );
});

test('F14 detaching is not stopping: a reader that leaves changes nothing for the others', async () => {
  await using gate = await makeGate();
  const id = await start(server, `echo a; ${gate.wait}; echo b`);
  await using stays = await follow(server, id);
  const leaves = await follow(server, id);
  await leaves.event('output');
  leaves.close();
  await gate.open();
  await stays.end();
  expect(lines(stays.frames)).toEqual(['a', 'b']);
});

test('CM-9 D-11 a command over its time limit ends, with a clear event and without a process', async () => {
  const answer = await post(server, `echo $$; while :; do sleep 0.1; done`, { body: { timeout_seconds: 1 } });
  const frames = await readAll(server, answer.json<Envelope<Command>>().data.id);
  const complete = completeOf(frames);
  expect(['expired', 'stopped']).toContain(complete.ending.kind);
  expect(Number.isInteger(complete.exit_code)).toBe(true);
  expect(complete.exit_code).not.toBe(0);
  expect(complete.duration_ms).toBeGreaterThanOrEqual(900);
  await gone(Number(lines(frames)[0]));
});

test('D-6 D-11 a command over its output limit ends, with a clear event', async () => {
  await using limited = await startServer({ env: { PLAYHEAD_COMMAND_OUTPUT_LIMIT: '200000' } });
  const frames = await readAll(limited, await start(limited, 'yes 0123456789'));
  const complete = completeOf(frames);
  expect(complete.exit_code).not.toBe(0);
  const told = frames.find((frame: Frame) => frame.event === 'error');
  expect(jsonOf<{ message: string }>(told as Frame).message).toMatch(/limit/i);
  const size = frames.reduce((sum, frame) => sum + frame.text.length, 0);
  expect(size).toBeLessThan(2_000_000);
});
