import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlayheadError, SseDecoder } from '@playhead/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Principal, Scope } from '../../access/principal.ts';
import { createHttpApp, type HttpApp } from '../../http/app.ts';
import { createHub } from '../../hub/create-hub.ts';
import type { Hub } from '../../hub/hub.ts';
import { createDirectLauncher } from '../../launcher/direct/direct-launcher.ts';
import type { EventLog } from '../../log/event-log.ts';
import { createMemoryLog } from '../../log/memory/memory-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import { memoryRecords } from '../../records/memory/memory-records.ts';
import type { Records } from '../../records/records.ts';
import { type Clock, systemClock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { createSseTransport } from '../../transports/sse/sse-transport.ts';
import type { Producer } from '../producer.ts';
import { createCommands } from './commands.ts';
import type { Complete } from './events.ts';
import { COMMAND_DEFAULTS, type CommandSettings } from './settings.ts';

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} };

function principal(keyId: string, tenant: string, ...scopes: Scope[]): Principal {
  return { keyId, tenant, userId: null, scopes: new Set(scopes) };
}

const KEYS: Readonly<Record<string, Principal>> = {
  admin: principal('key-admin', 'default', 'admin'),
  reader: principal('key-reader', 'default', 'projects:read'),
  other: principal('key-other', 'default', 'streams:read'),
  stranger: principal('key-stranger', 'strangers', 'projects:read'),
};

/** A test looks into whatever came. */
type Json = ReturnType<typeof JSON.parse>;

interface Reply {
  readonly status: number;
  readonly body: Json;
}

interface Frame {
  readonly event: string;
  readonly id: string;
  readonly data: Json;
}

/** Everything but the engine as it is in the server, on memory and loopback. */
class Rig implements AsyncDisposable {
  readonly folder: string;
  readonly log: EventLog;
  readonly records: Records;
  readonly hub: Hub;
  readonly commands: Producer;
  readonly #app: HttpApp;
  readonly #sse: Disposable;
  #url = '';

  constructor(folder: string, options: RigOptions) {
    this.folder = folder;
    const clock = options.clock ?? systemClock;
    this.log = options.log ?? createMemoryLog();
    this.records = options.records ?? memoryRecords();
    this.hub = createHub({ log: this.log, logger: quiet });
    const sse = createSseTransport({ hub: this.hub, clock, heartbeatMs: 40, retryMs: 10, stallMs: 60_000 });
    this.#sse = sse;
    this.commands = createCommands({
      log: this.log,
      hub: options.hub?.(this.hub) ?? this.hub,
      records: this.records,
      sse,
      clock,
      logger: quiet,
      launcher: createDirectLauncher(),
      settings: {
        ...COMMAND_DEFAULTS,
        projectsFolder: join(folder, 'projects'),
        environment: { PATH: process.env['PATH'], PLAYHEAD_API_KEY: 'secret', OTHER: 'x', LC_ALL: 'C' },
        graceMs: 300,
        lingerMs: 100,
        retryMs: 5,
        ...options.settings,
      },
    });
    this.#app = createHttpApp({
      gate: {
        identify({ headers }) {
          const key = headers['x-api-key'];
          if (key === undefined) return undefined;
          const found = KEYS[String(key)];
          if (found === undefined) throw new PlayheadError('unauthenticated', 'The key is not valid.');
          return found;
        },
        standing: () => ({ kind: 'valid', until: Number.POSITIVE_INFINITY }),
        spend: () => ({ allowed: true, limit: 0, remaining: 0, reset: 0, retryAfter: 1 }),
      },
      clock,
      logger: quiet,
      settings: {
        allowedHosts: [],
        allowedOrigins: '*',
        trustedProxies: [],
        bodyLimit: 1024 * 1024,
        headTimeoutMs: 10_000,
        bodyTimeoutMs: 10_000,
        keepAliveMs: 1_000,
      },
    });
  }

  async start(): Promise<this> {
    await this.commands.settle();
    this.commands.mount(this.#app, { serve() {} });
    this.#url = (await this.#app.listen({ host: '127.0.0.1', port: 0 })).url;
    return this;
  }

  async call(method: string, path: string, body?: unknown, key: string | null = 'admin'): Promise<Reply> {
    const response = await fetch(this.#url + path, {
      method,
      headers: { 'content-type': 'application/json', ...(key === null ? {} : { 'x-api-key': key }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  async shell(command: string, more: object = {}): Promise<string> {
    const { status, body } = await this.call('POST', '/projects/my-project/shell', { command, ...more });
    expect(status, JSON.stringify(body)).toBe(202);
    return body.data.id;
  }

  /** Reads a stream until its end, or until `enough`. */
  async events(id: string, options: ReadOptions = {}): Promise<Frame[]> {
    const { key = 'admin', query = '', lastEventId, enough = () => false } = options;
    const response = await fetch(`${this.#url}/projects/my-project/events?stream_id=${id}${query}`, {
      headers: {
        ...(key === null ? {} : { 'x-api-key': key }),
        ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
      },
    });
    expect(response.status).toBe(options.status ?? 200);
    if (response.status !== 200) return [];
    const frames: Frame[] = [];
    const decoder = new SseDecoder({
      onMessage: ({ event, data, lastEventId }) =>
        frames.push({ event, data: JSON.parse(data), id: lastEventId }),
    });
    const text = new TextDecoder();
    for await (const bytes of response.body ?? []) {
      decoder.feed(text.decode(bytes, { stream: true }));
      if (frames.some(enough)) break;
    }
    return frames;
  }

  async lines(id: string): Promise<string[]> {
    return linesOf(await this.events(id));
  }

  async complete(id: string): Promise<Complete> {
    return completeOf(await this.events(id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.commands[Symbol.asyncDispose]();
    this.hub.drain();
    await this.#app.close();
    this.#sse[Symbol.dispose]();
    await this.log[Symbol.asyncDispose]();
  }
}

interface RigOptions {
  readonly settings?: Partial<CommandSettings>;
  readonly clock?: Clock;
  readonly log?: EventLog;
  readonly records?: Records;
  readonly hub?: (hub: Hub) => Hub;
}

interface ReadOptions {
  readonly key?: string | null;
  readonly query?: string;
  readonly lastEventId?: string;
  readonly status?: number;
  readonly enough?: (frame: Frame) => boolean;
}

function linesOf(frames: readonly Frame[]): string[] {
  return frames.filter(({ event }) => event === 'output').map(({ data }) => data.line);
}

function completeOf(frames: readonly Frame[]): Complete {
  expect(frames.filter(({ event }) => event === 'complete')).toHaveLength(1);
  expect(frames.at(-1)?.event).toBe('complete');
  return frames.at(-1)?.data;
}

const isOutput = ({ event }: Frame): boolean => event === 'output';

let folder: string;
const rigs: Rig[] = [];

async function rig(options: RigOptions = {}): Promise<Rig> {
  const made = new Rig(folder, options);
  rigs.push(made);
  return made.start();
}

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'playhead-commands-')));
});
afterEach(async () => {
  for (const made of rigs.splice(0)) await made[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe('a command', () => {
  test('CM-8 CM-9 streams its lines and then how it ended', async () => {
    const server = await rig();
    const id = await server.shell('echo out; echo err >&2; exit 7');
    const frames = await server.events(id);
    expect(frames[0]).toMatchObject({
      event: 'connected',
      id: '',
      data: {
        project: 'my-project',
        stream_id: id,
        reconnecting: false,
        requested: null,
        missed: 0,
        gap: false,
      },
    });
    expect(frames.filter(isOutput).map(({ data }) => data)).toEqual(
      expect.arrayContaining([
        { line: 'out', stream: 'stdout' },
        { line: 'err', stream: 'stderr' },
      ]),
    );
    expect(completeOf(frames)).toMatchObject({ exit_code: 7, ending: { kind: 'exited', code: 7 } });
    const shown = await server.call('GET', `/projects/my-project/commands/${id}`);
    expect(shown.body.data).toMatchObject({ id, status: 'failed', exit_code: 7, type: 'shell' });
  });

  test('CM-8 loses nothing of a large output, though the log may hold little of it uncommitted', async () => {
    const server = await rig({ settings: { uncommittedBytes: 100_000 } });
    const lines = await server.lines(await server.shell('seq 1 100000'));
    expect(lines).toHaveLength(100_000);
    expect(lines.every((line, i) => line === String(i + 1))).toBe(true);
  });

  test('CM-8 ends though a background process holds its pipes, and takes that with it', async () => {
    const server = await rig();
    const frames = await server.events(await server.shell('sleep 1000 & echo $!'));
    expect(completeOf(frames)).toMatchObject({ exit_code: 0 });
    const [pid = ''] = linesOf(frames);
    await expect.poll(() => isGone(Number(pid))).toBe(true);
  });

  test('CM-26 gets the listed environment, the project’s and its own, and none of the server’s', async () => {
    const server = await rig();
    const made = await server.call('POST', '/projects', {
      id: 'p',
      root: folder,
      env: { A: 'project', B: 'project' },
    });
    expect(made).toMatchObject({ status: 201, body: { data: { id: 'p', root: folder, env: ['A', 'B'] } } });
    expect(JSON.stringify(made.body)).not.toContain('"project"');
    const body = { command: 'env; pwd', env: { B: 'request' } };
    const { data } = (await server.call('POST', '/projects/p/shell', body)).body;
    await expect
      .poll(async () => (await server.call('GET', `/projects/p/commands/${data.id}`)).body.data.status)
      .toBe('completed');
    const slice = await server.log.read(
      `default:commands/${data.id}` as StreamKey,
      (await server.log.bounds(`default:commands/${data.id}` as StreamKey))!.start,
      { events: 1000, bytes: 1e6 },
    );
    const text = JSON.stringify(slice);
    expect(text).toContain('A=project');
    expect(text).toContain('B=request');
    expect(text).toContain('LC_ALL=C');
    expect(text).not.toMatch(/PLAYHEAD_|OTHER=/);
    expect(text).toContain(folder);
  });

  test('adds arguments as words, whatever they hold', async () => {
    const server = await rig();
    const id = await server.shell('printf "%s\\n"', { args: ['a b', '$HOME; `id`', '*'] });
    expect(await server.lines(id)).toEqual(['a b', '$HOME; `id`', '*']);
  });

  test('D-26 git takes arguments, exec takes all types, an agent that is not there is 501', async () => {
    const server = await rig({ settings: { agent: ['/bin/echo', 'asked:'] } });
    const git = await server.call('POST', '/projects/my-project/git', { args: ['--version'] });
    expect((await server.lines(git.body.data.id))[0]).toMatch(/^git version/);
    const exec = await server.call('POST', '/projects/my-project/sessions/s1/exec', {
      type: 'claude',
      prompt: 'why',
    });
    expect(exec.body.data).toMatchObject({ session_id: 's1', type: 'claude' });
    expect(await server.lines(exec.body.data.id)).toEqual(['asked: why']);
    await using bare = await new Rig(folder, {}).start();
    expect((await bare.call('POST', '/projects/my-project/claude', { prompt: 'why' })).status).toBe(501);
  });
});

describe('endings', () => {
  test('D-11 a signal is 128 + n and its name', async () => {
    const server = await rig();
    expect(await server.complete(await server.shell('kill -KILL $$'))).toMatchObject({
      exit_code: 137,
      signal: 'SIGKILL',
      ending: { kind: 'signalled', name: 'SIGKILL' },
    });
  });

  test('D-11 DELETE stops it, by force if it must, and says who did', async () => {
    const server = await rig();
    for (const [command, expected] of [
      ['echo up; exec sleep 1000', { exit_code: 143, signal: 'SIGTERM' }],
      ['trap "" TERM; echo up; while :; do sleep 1000; done', { exit_code: 137, signal: 'SIGKILL' }],
      ['trap "exit 4" TERM; echo up; while :; do sleep 0.01; done', { exit_code: 4 }],
    ] as const) {
      const id = await server.shell(command);
      await server.events(id, { enough: isOutput });
      const stopped = await server.call('DELETE', `/projects/my-project/commands/${id}`);
      const ending = { kind: 'stopped', by: 'key-admin' };
      expect(stopped).toMatchObject({
        status: 200,
        body: { data: { status: 'stopped', ending, ...expected } },
      });
      expect(await server.complete(id)).toMatchObject({ ending, ...expected });
      expect((await server.call('DELETE', `/projects/my-project/commands/${id}`)).body.data).toMatchObject({
        ending,
      });
    }
  });

  test('F9 the time limit is announced, then ends it with an error and complete', async () => {
    const server = await rig();
    const id = await server.shell('echo up; sleep 1000', { timeout_seconds: 0.2 });
    const frames = await server.events(id);
    expect(frames.at(-2)).toMatchObject({
      event: 'error',
      data: { message: expect.stringContaining('0.2 s') },
    });
    expect(completeOf(frames)).toMatchObject({ exit_code: -1, ending: { kind: 'expired' } });
  });

  test('D-6 the output limit ends it with an error and complete', async () => {
    const server = await rig({ settings: { outputBytes: 50_000 } });
    const frames = await server.events(await server.shell('yes'));
    const bytes = frames.filter(isOutput).reduce((sum, { data }) => sum + JSON.stringify(data).length, 0);
    expect(bytes).toBeLessThanOrEqual(50_000);
    expect(bytes).toBeGreaterThan(49_900);
    expect(frames.at(-2)?.event).toBe('error');
    expect(completeOf(frames)).toMatchObject({
      exit_code: -1,
      ending: { kind: 'failed', reason: 'output-limit' },
    });
  });

  test('D-6 a log that is full for a while holds the command back and loses nothing', async () => {
    const full = new FullDisk();
    const server = await rig({ hub: (hub) => full.around(hub) });
    const id = await server.shell('seq 1 20000');
    await full.refused;
    full.free();
    expect((await server.lines(id)).length).toBe(20_000);
    expect(await server.complete(id)).toMatchObject({ exit_code: 0 });
  });

  test('D-6 a log that stays full ends the command as failed(storage), said once it can be', async () => {
    const full = new FullDisk();
    const server = await rig({ hub: (hub) => full.around(hub), settings: { storagePatienceMs: 30 } });
    const id = await server.shell('echo $$; exec sleep 1000');
    await full.refused;
    await expect.poll(() => full.refusals).toBeGreaterThan(5);
    full.free();
    const frames = await server.events(id);
    expect(frames.at(-2)?.event).toBe('error');
    expect(completeOf(frames)).toMatchObject({
      exit_code: -1,
      ending: { kind: 'failed', reason: 'storage' },
    });
    expect(isGone(Number(linesOf(frames)[0]))).toBe(true);
  });

  test('F14 at shutdown commands are stopped and their streams completed', async () => {
    const server = await rig();
    const id = await server.shell('echo up; sleep 1000');
    await server.events(id, { enough: isOutput });
    const reading = server.events(id);
    await server.commands[Symbol.asyncDispose]();
    expect(completeOf(await reading)).toMatchObject({ ending: { kind: 'stopped', by: 'shutdown' } });
    expect((await server.call('POST', '/projects/my-project/shell', { command: 'true' })).status).toBe(503);
  });

  test('F5 after a crash what still runs is killed and the stream ends as lost', async () => {
    const log = createMemoryLog();
    const records = memoryRecords();
    // The rig that crashes is never told to end: its process goes on, and so does what it started.
    const crashed = new Rig(folder, { log, records, hub: cutOff() });
    await crashed.start();
    const id = await crashed.shell('echo $$; trap "" TERM; while :; do sleep 1; done');
    const [pid] = linesOf(await crashed.events(id, { enough: isOutput }));
    crash();
    const next = await rig({ log, records });
    const frames = await next.events(id);
    expect(linesOf(frames)).toEqual([pid]);
    expect(frames.at(-2)).toMatchObject({
      event: 'error',
      data: { message: expect.stringMatching(/server stopped/) },
    });
    expect(completeOf(frames)).toMatchObject({ exit_code: -1, ending: { kind: 'lost' } });
    await expect.poll(() => isGone(Number(pid))).toBe(true);
    const shown = await next.call('GET', `/projects/my-project/commands/${id}`);
    expect(shown.body.data).toMatchObject({ status: 'failed', exit_code: -1, ending: { kind: 'lost' } });
  });
});

describe('the event stream', () => {
  test('CM-17 CM-18 resumes behind every id; CM-20 behind the last there is 204', async () => {
    const server = await rig();
    const id = await server.shell('seq 1 5');
    const all = (await server.events(id)).slice(1);
    expect(new Set(all.map((frame) => frame.id)).size).toBe(6);
    for (const [index, frame] of all.slice(0, -1).entries()) {
      for (const options of [{ lastEventId: frame.id }, { query: `&after=${frame.id}` }]) {
        const [first, ...rest] = await server.events(id, options);
        expect(first?.data).toMatchObject({ reconnecting: true, requested: frame.id, gap: false });
        expect(rest).toEqual(all.slice(index + 1));
      }
    }
    await server.events(id, { lastEventId: all.at(-1)?.id ?? '', status: 204 });
  });

  test('D-7 an id that it never gave replays from the oldest', async () => {
    const server = await rig();
    const id = await server.shell('seq 1 3');
    const all = (await server.events(id)).slice(1);
    const ahead = (all.at(-1)?.id ?? '').replace(/.$/, '9');
    for (const lastEventId of ['evt-001', `${id}:2`, ahead, `01k9x2m4v7qhd3ts-a1`]) {
      const [first, ...rest] = await server.events(id, { lastEventId });
      expect(rest).toEqual(all);
      expect(first?.data).toMatchObject({
        reconnecting: true,
        gap: true,
        missed: null,
        requested: lastEventId,
      });
    }
  });

  test('CM-10 sends heartbeats with JSON, and CM-29 a command goes on without readers', async () => {
    const server = await rig();
    const id = await server.shell('echo up; until [ -e gate ]; do sleep 0.01; done; echo after');
    const beats = await server.events(id, { enough: ({ event }) => event === 'heartbeat' });
    expect(Number.isNaN(Date.parse(beats.at(-1)?.data.timestamp))).toBe(false);
    expect((await server.call('GET', `/projects/my-project/commands/${id}`)).body.data.status).toBe(
      'running',
    );
    await writeFile(join(folder, 'projects', 'my-project', 'gate'), '');
    expect(await server.lines(id)).toEqual(['up', 'after']);
  });

  test('CM-21 CM-22 D-18 opens by the server’s id alone, by a key that may read, and else not', async () => {
    let now = Date.now();
    const clock: Clock = { ...systemClock, now: () => now };
    const server = await rig({ clock });
    const id = await server.shell('echo x');
    const chosen = await server.shell('echo y', { stream_id: 'mine' });
    expect(chosen).toBe('mine');
    expect(linesOf(await server.events(id, { key: null }))).toEqual(['x']);
    expect(linesOf(await server.events(id, { key: 'reader' }))).toEqual(['x']);
    expect(linesOf(await server.events('mine'))).toEqual(['y']);
    for (const [stream, key, status] of [
      ['mine', null, 401],
      ['unknown', null, 401],
      [`cmd_${'0'.repeat(32)}`, null, 404],
      [id, 'wrong', 401],
      [id, 'other', 403],
      [id, 'stranger', 404],
      ['cmd-001', 'admin', 404],
      ['../x', 'admin', 404],
      ['', 'admin', 400],
    ] as const) {
      await server.events(stream, { key, status });
    }
    expect(
      (await server.call('GET', `/projects/elsewhere/events?stream_id=${id}`, undefined, null)).status,
    ).toBe(404);
    now += 3_600_000 + 60_000;
    await server.events(id, { key: null, status: 401 });
    expect(linesOf(await server.events(id))).toEqual(['x']);
  });
});

describe('bad input', () => {
  test('each is told with its field, and nothing is made', async () => {
    const server = await rig();
    await mkdir(join(folder, 'outside'));
    await symlink(join(folder, 'outside'), join(folder, 'projects', 'my-project', 'way-out'));
    for (const [body, field] of [
      [{}, 'command'],
      [{ command: ' ' }, 'command'],
      [{ command: 5 }, 'command'],
      [{ command: 'x\0y' }, 'command'],
      [{ command: 'x'.repeat(200_000) }, 'command'],
      [{ command: 'true', cwd: '..' }, 'cwd'],
      [{ command: 'true', cwd: 'way-out' }, 'cwd'],
      [{ command: 'true', cwd: '/' }, 'cwd'],
      [{ command: 'true', cwd: '../no-such' }, 'cwd'],
      [{ command: 'true', env: { 'A=B': 'x' } }, 'env.A=B'],
      [{ command: 'true', env: { PLAYHEAD_API_KEY: 'x' } }, 'env.PLAYHEAD_API_KEY'],
      [{ command: 'true', timeout_seconds: 0 }, 'timeout_seconds'],
      [{ command: 'true', timeout_seconds: 1e9 }, 'timeout_seconds'],
      [{ command: 'true', stream_id: 'a/b' }, 'stream_id'],
      [{ command: 'true', stream_id: `cmd_${'0'.repeat(32)}` }, 'stream_id'],
      [[], 'body'],
    ] as const) {
      const { status, body: answer } = await server.call('POST', '/projects/my-project/shell', body);
      expect(status, JSON.stringify(body).slice(0, 80)).toBe(400);
      expect(answer.error.details.field).toBe(field);
    }
    expect((await server.call('GET', '/projects/my-project/commands')).body.data).toEqual([]);
  });

  test('an id that is taken, a project that is not there, a shell or folder that is gone', async () => {
    const server = await rig();
    await server.lines(await server.shell('true', { stream_id: 'mine' }));
    const again = await server.call('POST', '/projects/my-project/shell', {
      command: 'true',
      stream_id: 'mine',
    });
    expect(again.status).toBe(409);
    expect((await server.call('POST', '/projects/nowhere/shell', { command: 'true' })).status).toBe(404);
    const shell = join(folder, 'my-shell');
    await writeFile(shell, '#!/bin/sh\nexec /bin/sh "$@"\n', { mode: 0o755 });
    const root = join(folder, 'root');
    await mkdir(root);
    expect((await server.call('POST', '/projects', { id: 'p', root, shell })).status).toBe(201);
    expect((await server.call('POST', '/projects', { id: 'p', root })).status).toBe(409);
    expect((await server.call('POST', '/projects', { id: 'q', root, shell: join(root, 'no') })).status).toBe(
      400,
    );
    expect((await server.call('POST', '/projects', { id: 'q', root: 'relative' })).status).toBe(400);
    expect((await server.call('POST', '/projects', { id: 'q', root: join(folder, 'no') })).status).toBe(400);
    expect((await server.call('POST', '/projects', { id: 'q', root }, 'reader')).status).toBe(403);
    const nowhere = { command: 'true', cwd: 'gone' };
    expect((await server.call('POST', '/projects/p/shell', nowhere)).status).toBe(409);
    await rm(shell);
    expect((await server.call('POST', '/projects/p/shell', { command: 'true' })).status).toBe(409);
    await rm(root, { recursive: true });
    const gone = await server.call('POST', '/projects/p/shell', { command: 'true' });
    expect(gone).toMatchObject({
      status: 409,
      body: { error: { message: expect.stringContaining('root') } },
    });
  });

  test('commands are listed newest first, page by page', async () => {
    let now = Date.now();
    const server = await rig({ clock: { ...systemClock, now: () => now++ } });
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) ids.unshift(await server.shell(`echo ${i}`));
    const listed: string[] = [];
    for (let after = ''; ; ) {
      const { body } = await server.call('GET', `/projects/my-project/commands?limit=2${after}`);
      listed.push(...body.data.map(({ id }: { id: string }) => id));
      if (body.meta.next === undefined) break;
      after = `&after=${encodeURIComponent(body.meta.next)}`;
    }
    expect(listed).toEqual(ids);
    expect((await server.call('GET', '/projects/my-project/commands?limit=0')).status).toBe(400);
  });
});

describe('limits', () => {
  test('of commands at once: beyond it 503, also in a burst; and room again behind an end', async () => {
    const server = await rig({ settings: { maxRunning: 3 } });
    const start = (): Promise<Reply> =>
      server.call('POST', '/projects/my-project/shell', { command: 'sleep 1000' });
    const replies = await Promise.all(Array.from({ length: 10 }, start));
    expect(replies.map(({ status }) => status).sort()).toEqual([202, 202, 202, ...Array(7).fill(503)]);
    const id = replies.find(({ status }) => status === 202)?.body.data.id;
    await server.call('DELETE', `/projects/my-project/commands/${id}`);
    await expect.poll(async () => (await start()).status).toBe(202);
  });

  test('of memory of the past: what ended long ago is forgotten, with its stream, and its id is free', async () => {
    let now = Date.now();
    const hourly: (() => void)[] = [];
    const clock: Clock = {
      ...systemClock,
      now: () => now,
      every: (ms, call) => (hourly.push(call), systemClock.every(ms, call)),
    };
    const server = await rig({ clock });
    await server.lines(await server.shell('echo old', { stream_id: 'old' }));
    now += COMMAND_DEFAULTS.keepMs + 1;
    await server.lines(await server.shell('echo new', { stream_id: 'new' }));
    for (const call of hourly) call();
    await expect
      .poll(async () =>
        (await server.call('GET', '/projects/my-project/commands')).body.data.map(({ id }: Json) => id),
      )
      .toEqual(['new']);
    await expect.poll(() => server.log.bounds('default:commands/old' as StreamKey)).toBeUndefined();
    expect(await server.lines(await server.shell('echo again', { stream_id: 'old' }))).toEqual(['again']);
  });
});

describe('D-26 the agent’s configuration', () => {
  test('is files in the project', async () => {
    const server = await rig();
    const root = join(folder, 'projects', 'my-project');
    for (const [kind, file] of [
      ['commands', 'commands/one.md'],
      ['agents', 'agents/one.md'],
      ['skills', 'skills/one/SKILL.md'],
    ] as const) {
      const path = `/projects/my-project/claude-config/${kind}`;
      expect((await server.call('POST', path, { name: 'one', content: 'é' })).status).toBe(201);
      expect((await server.call('POST', path, { name: 'one', content: '' })).status).toBe(409);
      expect(await readFile(join(root, '.claude', file), 'utf8')).toBe('é');
      expect((await server.call('GET', path)).body.data).toMatchObject([{ name: 'one', bytes: 2 }]);
      expect((await server.call('PUT', `${path}/one`, { content: 'two' })).body.data.content).toBe('two');
      expect((await server.call('PUT', `${path}/one`, { content: 'x' }, 'reader')).status).toBe(403);
      expect((await server.call('DELETE', `${path}/one`)).status).toBe(204);
      expect((await server.call('GET', `${path}/one`)).status).toBe(404);
      expect((await server.call('DELETE', `${path}/one`)).status).toBe(404);
    }
    expect((await server.call('GET', '/projects/my-project/claude-config/hooks')).status).toBe(404);
  });

  test('leads nowhere else: no name and no link reaches out of the project', async () => {
    const server = await rig();
    const path = '/projects/my-project/claude-config/commands';
    for (const name of ['..', '.', 'a/b', '.hidden', '', 'x'.repeat(65)]) {
      expect((await server.call('POST', path, { name, content: '' })).status).toBe(400);
    }
    expect((await server.call('PUT', `${path}/..%2f..%2fx`, { content: '' })).status).toBeGreaterThanOrEqual(
      400,
    );
    const claude = join(folder, 'projects', 'my-project', '.claude');
    const secret = join(folder, 'secret');
    await writeFile(secret, 'secret');
    await mkdir(join(claude, 'commands'), { recursive: true });
    await symlink(secret, join(claude, 'commands', 'link.md'));
    expect((await server.call('GET', `${path}/link`)).status).toBe(404);
    expect((await server.call('PUT', `${path}/link`, { content: 'mine' })).status).toBe(200);
    expect(await readFile(secret, 'utf8')).toBe('secret');
    await mkdir(join(folder, 'outside'));
    await symlink(join(folder, 'outside'), join(claude, 'agents'));
    const agents = '/projects/my-project/claude-config/agents';
    expect((await server.call('PUT', `${agents}/a`, { content: 'x' })).status).toBe(409);
  });
});

/** Whether a process does nothing any more. A zombie does not: it waits for whoever may ask how it ended. */
function isGone(pid: number): boolean {
  try {
    return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1').split(')').at(-1) ?? '');
  } catch {
    return true;
  }
}

/** A disk that is full until it is freed. */
class FullDisk {
  refusals = 0;
  readonly #refused = Promise.withResolvers<void>();
  #free = false;

  get refused(): Promise<void> {
    return this.#refused.promise;
  }

  free(): void {
    this.#free = true;
  }

  around(hub: Hub): Hub {
    return {
      stats: hub.stats,
      attach: (request, sink) => hub.attach(request, sink),
      demand: (key, changed) => hub.demand(key, changed),
      drain: () => hub.drain(),
      [Symbol.dispose]: () => hub[Symbol.dispose](),
      append: (key, events, options) => {
        if (this.#free) return hub.append(key, events, options);
        this.refusals++;
        this.#refused.resolve();
        return Promise.reject(new PlayheadError('storage-full', 'The storage is full.'));
      },
    };
  }
}

let dead = false;
function crash(): void {
  dead = true;
}

/** A hub whose writes lead nowhere once the process has "crashed". */
function cutOff(): (hub: Hub) => Hub {
  dead = false;
  return (hub) => ({
    stats: hub.stats,
    attach: (request, sink) => hub.attach(request, sink),
    demand: (key, changed) => hub.demand(key, changed),
    drain: () => hub.drain(),
    [Symbol.dispose]: () => hub[Symbol.dispose](),
    append: (key, events, options) =>
      dead ? new Promise(() => undefined) : hub.append(key, events, options),
  });
}
