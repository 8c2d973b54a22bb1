import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { completeOf, lines, PROJECT, post, readAll, run, type Started } from '../support/commands.ts';
import { makeGate } from '../support/gate.ts';
import { makeProject } from '../support/projects.ts';
import { type Answer, type CommandError, type Envelope, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { type Frame, jsonOf } from '../support/sse-client.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

// Whatever a caller sends, the server serves the next one.
afterEach(async () => {
  const [line] = lines(await run(server, 'echo alive'));
  if (line !== 'alive') throw new Error(`the server no longer runs commands: ${line}`);
});

const SHELL = `/projects/${PROJECT}/shell`;

function expectError(answer: Answer, status: number): CommandError['error'] {
  expect(answer.status, answer.text).toBe(status);
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  const { error, meta } = answer.json<CommandError>();
  expect(error.code).toMatch(/^[A-Z_]+$/);
  expect(error.message).toMatch(/\S/);
  expect(meta.request_id).toMatch(/\S/);
  return error;
}

const send = (body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> =>
  request(server, SHELL, { method: 'POST', body, headers });

test('CM-1 malformed JSON is 400', async () => {
  for (const body of [
    '{"command": "true"',
    'command=true',
    '{command: "true"}',
    '\u0000',
    Buffer.from([0x22, 0xff, 0x22]),
  ]) {
    expect(expectError(await send(body), 400).code).toBe('BAD_REQUEST');
  }
});

test('CM-1 JSON of the wrong shape is 400', async () => {
  const bodies = [
    'null',
    '[]',
    '"true"',
    '{}',
    '{"command":""}',
    '{"command":7}',
    '{"command":["a"]}',
    '{"command":null}',
  ];
  for (const body of bodies) expect(expectError(await send(body), 400).code, body).toBe('BAD_REQUEST');
});

test('CM-1 an empty body is 400', async () => {
  expectError(await send(''), 400);
});

test('CM-1 a body of another type is refused', async () => {
  const answer = await send('{"command":"true"}', { 'content-type': 'text/plain' });
  expectError(answer, 415);
});

test('CM-1 a NUL in the command is 400, not a crash', async () => {
  expectError(await send(JSON.stringify({ command: 'echo a\u0000b' })), 400);
});

test('CM-1 values of the wrong kind beside the command are 400', async () => {
  const members = [
    { stream_id: '../x' },
    { stream_id: 'a/b' },
    { stream_id: '' },
    { stream_id: 'x'.repeat(300) },
    { stream_id: 7 },
    { cwd: 7 },
    { env: { A: 1 } },
    { env: { 'A=B': 'x' } },
    { env: ['A'] },
    { timeout_seconds: -1 },
    { timeout_seconds: 'long' },
  ];
  for (const member of members) {
    expectError(await post(server, 'true', { body: member }), 400);
  }
});

test('CM-1 one command too many at once is 503, to be tried again, and nothing of it is left', async () => {
  await using gate = await makeGate();
  await using small = await startServer({ env: { PLAYHEAD_COMMAND_MAX_RUNNING: '2' } });
  const burst = await Promise.all(Array.from({ length: 6 }, () => post(small, gate.wait)));
  const statuses = burst.map((answer) => answer.status).sort();
  expect(statuses).toEqual([202, 202, 503, 503, 503, 503]);
  const refused = burst.find((answer) => answer.status === 503) as Answer;
  expect(expectError(refused, 503).code).toBe('SERVICE_UNAVAILABLE');
  expect(refused.headers['retry-after']).toMatch(/^\d+$/);
  const listed = await request(small, `/projects/${PROJECT}/commands`);
  expect(listed.json<Envelope<unknown[]>>().data).toHaveLength(2);
});

test('CM-2 of two commands that want one stream id at once, one gets it', async () => {
  const body = { stream_id: 'wanted' };
  const both = await Promise.all([post(server, 'echo a', { body }), post(server, 'echo b', { body })]);
  expect(both.map((answer) => answer.status).sort()).toEqual([202, 409]);
  expect(lines(await readAll(server, 'wanted'))).toHaveLength(1);
});

test('CM-2 a stream id that is taken is a conflict, and the first command stays untouched', async () => {
  const body = { stream_id: 'taken' };
  expect((await post(server, 'echo first', { body })).status).toBe(202);
  expect(expectError(await post(server, 'echo second', { body }), 409).code).toBe('CONFLICT');
  expect(lines(await readAll(server, 'taken'))).toEqual(['first']);
});

test('CM-1 a body over the limit is 413, whether its length is announced or not', async () => {
  const big = JSON.stringify({ command: `echo ${'x'.repeat(2 * 1024 * 1024)}` });
  expectError(await send(big), 413);
  expectError(await send(big, { 'transfer-encoding': 'chunked' }), 413);
});

test('CM-26 a command longer than the system takes is a clear error', async () => {
  const answer = await post(server, `: ${'x'.repeat(300_000)}`);
  if (answer.status >= 400) {
    expect([400, 413]).toContain(answer.status);
    return;
  }
  await expectFailed(answer);
});

/** A command that could not be started says so on its stream: `error`, then `complete` without a code. */
async function expectFailed(answer: Answer, project: string = PROJECT): Promise<void> {
  expect(answer.status).toBe(202);
  const frames = await readAll(server, answer.json<Envelope<Started>>().data.id, { project });
  const error = frames.find((frame) => frame.event === 'error') as Frame;
  expect(jsonOf<{ message: string }>(error).message).toMatch(/\S/);
  expect(completeOf(frames)).toMatchObject({ exit_code: -1, ending: { kind: 'failed' } });
}

test('CM-26 a project whose folder is gone is a conflict, said before anything runs', async () => {
  const root = await mkdtemp(join(tmpdir(), 'playhead-gone-'));
  const project = await makeProject(server, { root });
  await rm(root, { recursive: true });
  expect(expectError(await post(server, 'true', { project }), 409).code).toBe('CONFLICT');
  expectError(await post(server, 'true', { body: { cwd: 'no-such-folder' } }), 409);
});

test('CM-26 a shell that does not exist is refused with the project; one that is gone later, with the command', async () => {
  const root = await mkdtemp(join(tmpdir(), 'playhead-shell-'));
  try {
    const shell = join(root, 'shell');
    const refused = await request(server, '/projects', {
      method: 'POST',
      body: { id: 'no-shell', root, shell },
    });
    expectError(refused, 400);
    await symlink('/bin/sh', shell);
    const project = await makeProject(server, { root, shell });
    expect(lines(await run(server, 'echo own', { project }))).toEqual(['own']);
    await rm(shell);
    expect(expectError(await post(server, 'true', { project }), 409).code).toBe('CONFLICT');
  } finally {
    await rm(root, { recursive: true });
  }
});

test('CM-26 a program that does not exist is the shell’s to report: 127 and a line on stderr', async () => {
  const frames = await run(server, 'no-such-program-anywhere --flag');
  expect(completeOf(frames).exit_code).toBe(127);
  expect(lines(frames, 'stderr').join('\n')).toMatch(/not found/);
});

test('CM-26 a cwd outside the project is refused', async () => {
  for (const cwd of ['..', '/', '../../..', 'a/../..']) {
    const answer = await post(server, 'pwd', { body: { cwd } });
    expectError(answer, 400);
  }
});

test('CM-24 an unknown path below a project is 404, another method 405', async () => {
  expectError(await request(server, `/projects/${PROJECT}/nothing`), 404);
  expectError(await request(server, SHELL), 405);
  expectError(await request(server, `/projects/${PROJECT}/events`, { method: 'POST', body: {} }), 405);
});

test('CM-24 events without a stream_id is a clear refusal, not a stream', async () => {
  const answer = await request(server, `/projects/${PROJECT}/events`);
  expectError(answer, 400);
});

test('CM-1 a setting that does not exist stops the server and names the nearest', async () => {
  const failure = await startServer({ env: { PLAYHEAD_PROT: '1' } }).then(
    async (started) => {
      await started.stop();
      return 'it started';
    },
    (error: unknown) => String(error),
  );
  expect(failure).toContain('PLAYHEAD_PROT');
  expect(failure).toContain('PLAYHEAD_PORT');
});

test('D-26 what is not served says so: 501, and not to be retried', async () => {
  const answer = await request(server, `/projects/${PROJECT}/claude`, {
    method: 'POST',
    body: { prompt: 'hello' },
  });
  expectError(answer, 501);
  expect(answer.headers['x-should-retry']).toBe('false');
});

test('D-26 git takes arguments, no shell text', async () => {
  const answer = await request(server, `/projects/${PROJECT}/git`, {
    method: 'POST',
    body: { args: ['--version', '; echo injected'] },
  });
  expect(answer.status).toBe(202);
  const frames = await readAll(server, answer.json<Envelope<Started>>().data.id);
  expect(lines(frames)).not.toContain('injected');
  completeOf(frames);
});
