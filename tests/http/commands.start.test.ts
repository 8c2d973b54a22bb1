import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  completeOf,
  eventsPath,
  lines,
  outputs,
  PROJECT,
  post,
  readAll,
  run,
  type Started,
  start,
} from '../support/commands.ts';
import { makeGate } from '../support/gate.ts';
import { makeProject } from '../support/projects.ts';
import { type Envelope, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openStream } from '../support/sse-client.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

test('CM-1 a POST with X-API-Key and {command} answers an envelope with data.id', async () => {
  const answer = await post(server, 'true');
  const { data, meta } = answer.json<Envelope<Started>>();
  expect(answer.status).toBe(202);
  expect(typeof data.id).toBe('string');
  expect(data).toMatchObject({
    project: PROJECT,
    type: 'shell',
    command: 'true',
    stream_url: expect.any(String),
  });
  expect(new Date(String(data['created_at'])).getTime()).toBeGreaterThan(0);
  expect(meta.request_id).toMatch(/\S/);
  expect(new Date(meta.timestamp).getTime()).toBeGreaterThan(0);
});

test('CM-1 the key may come as a bearer token as well', async () => {
  const answer = await request(server, `/projects/${PROJECT}/shell`, {
    method: 'POST',
    body: { command: 'true' },
    key: null,
    headers: { authorization: `Bearer ${server.key}` },
  });
  expect(answer.status).toBe(202);
});

test('CM-2 data.id is the stream_id, in characters that no URL escapes, and stream_url opens it', async () => {
  const { data } = (await post(server, 'echo here')).json<Envelope<Started>>();
  expect(data.id).toMatch(/^[A-Za-z0-9._~-]+$/);
  expect(encodeURIComponent(data.id)).toBe(data.id);
  await using byId = await openStream(server, eventsPath(data.id));
  await byId.end();
  expect(lines(byId.frames)).toEqual(['here']);
  const url = new URL(data.stream_url, server.url);
  await using byUrl = await openStream(server, url.pathname + url.search);
  await byUrl.end();
  expect(lines(byUrl.frames)).toEqual(['here']);
});

test('CM-3 answers before the command ends, as application/json', async () => {
  await using gate = await makeGate();
  const answer = await post(server, `${gate.wait}; echo done`);
  expect(answer.status).toBeGreaterThanOrEqual(200);
  expect(answer.status).toBeLessThan(300);
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  await gate.open();
  const frames = await readAll(server, answer.json<Envelope<Started>>().data.id);
  expect(lines(frames)).toEqual(['done']);
});

test('CM-25 a key of the form rdev_xxx is accepted; without one the default address is port 8080', async () => {
  expect(server.key).toMatch(/^rdev_/);
  expect((await request(server, '/projects')).status).toBe(200);
  // Another server may hold the port: then this one says which it wanted.
  const said = await startServer({ without: ['PLAYHEAD_PORT'] }).then(
    async (other) => {
      const { url } = other;
      await other.stop();
      return url;
    },
    (error: unknown) => String(error),
  );
  expect(said).toMatch(/\b8080\b/);
});

test('CM-25 RDEV_ADMIN_KEY is another name of the first key', async () => {
  const key = 'rdev_sk_12345678_0123456789abcdef0123456789abcdef';
  await using other = await startServer({ env: { RDEV_ADMIN_KEY: key }, without: ['PLAYHEAD_API_KEY'] });
  expect((await post(other, 'true', { key })).status).toBe(202);
});

test('CM-26 a command runs through a shell, in the folder of its project', async () => {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'playhead-project-')));
  try {
    const project = await makeProject(server, { root });
    const frames = await run(server, `pwd; echo a b | tr ' ' '\\n' && echo "$((40 + 2))" > made; cat made`, {
      project,
    });
    expect(lines(frames)).toEqual([root, 'a', 'b', '42']);
    expect(completeOf(frames).exit_code).toBe(0);
  } finally {
    await rm(root, { recursive: true });
  }
});

test('CM-26 the server keeps its own environment, its key above all, from the command', async () => {
  const frames = await run(server, 'env; cat /proc/$$/environ');
  const text = lines(frames).join('\n');
  expect(text).not.toContain(server.key);
  expect(text).not.toContain('PLAYHEAD_');
  expect(text).toMatch(/^PATH=/m);
});

test('CM-26 standard input is empty: a command that reads it does not hang', async () => {
  const frames = await run(server, 'cat; echo read');
  expect(lines(frames)).toEqual(['read']);
});

test('CM-31 the exit code is the command’s own', async () => {
  for (const code of [0, 1, 2, 42, 255]) {
    const complete = completeOf(await run(server, `exit ${code}`));
    expect(complete).toMatchObject({ exit_code: code, ending: { kind: 'exited', code } });
  }
});

test('CM-31 both streams come under their names', async () => {
  const frames = await run(server, 'echo out; echo err >&2');
  const sorted = outputs(frames).sort((a, b) => a.line.localeCompare(b.line));
  expect(sorted).toEqual([
    { line: 'err', stream: 'stderr' },
    { line: 'out', stream: 'stdout' },
  ]);
});

test('CM-27 env, args and cwd of the body are honoured', async () => {
  const root = await realpath(await mkdtemp(join(tmpdir(), 'playhead-project-')));
  try {
    const project = await makeProject(server, { root });
    const body = { env: { COLOUR: 'blue  green' } };
    const id = await start(server, 'mkdir -p inner && echo "$COLOUR"', { project, body });
    expect(lines(await readAll(server, id, { project }))).toEqual(['blue  green']);
    const inner = await run(server, 'pwd', { project, body: { cwd: 'inner' } });
    expect(lines(inner)).toEqual([join(root, 'inner')]);
  } finally {
    await rm(root, { recursive: true });
  }
});
