import { existsSync, mkdtempSync, readdirSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PlayheadError } from '@playhead/protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Principal, Scope } from '../../access/principal.ts';
import { createFrames } from '../../frames/live/create-frames.ts';
import { createRecordings } from '../../frames/recording/create-recordings.ts';
import { createHttpApp, type HttpApp } from '../../http/app.ts';
import { createHub } from '../../hub/create-hub.ts';
import type { Hub } from '../../hub/hub.ts';
import type { EventLog } from '../../log/event-log.ts';
import { createMemoryLog } from '../../log/memory/memory-log.ts';
import { streamKey } from '../../log/stream-key.ts';
import { memoryRecords } from '../../records/memory/memory-records.ts';
import type { Records } from '../../records/records.ts';
import type { Logger } from '../../runtime/logger.ts';
import { type ManualClock, manualClock } from '../../runtime/manual-clock.ts';
import { createSseTransport } from '../../transports/sse/sse-transport.ts';
import type { Executor } from '../executor.ts';
import type { Producer } from '../producer.ts';
import { type ScriptedBrowser, ScriptedBrowsers } from './browser.fixture.ts';
import { createComputers } from './computers.ts';
import { COMPUTER_DEFAULTS, type ComputerSettings } from './settings.ts';

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} };

function principal(keyId: string, tenant: string, ...scopes: Scope[]): Principal {
  return { keyId, tenant, userId: null, scopes: new Set(scopes) };
}

const KEYS: Readonly<Record<string, Principal>> = {
  admin: principal('key-admin', 'default', 'admin'),
  driver: principal('key-driver', 'default', 'computers:control'),
  reader: principal('key-reader', 'default', 'computers:read'),
  stranger: principal('key-stranger', 'strangers', 'computers:control'),
};

/** A test looks into whatever came. */
type Json = ReturnType<typeof JSON.parse>;

const noExecutor: Executor = {
  execute: () => Promise.reject(new PlayheadError('overloaded', 'Nothing is run here.')),
};

/** The producer on its real ports, with browsers and time that the test commands. */
class Rig implements AsyncDisposable {
  readonly clock: ManualClock = manualClock();
  readonly browsers = new ScriptedBrowsers();
  readonly log: EventLog = createMemoryLog();
  readonly records: Records;
  readonly folder: string;
  readonly hub: Hub;
  readonly #app: HttpApp;
  readonly #producer: Producer;
  readonly #sse: Disposable;
  #url = '';

  constructor(folder: string, settings: Partial<ComputerSettings>, records: Records, log?: EventLog) {
    this.folder = folder;
    this.records = records;
    if (log !== undefined) this.log = log;
    const { clock } = this;
    this.hub = createHub({ log: this.log, logger: quiet });
    const sse = createSseTransport({
      hub: this.hub,
      clock,
      heartbeatMs: 1_000,
      retryMs: 10,
      stallMs: 60_000,
    });
    this.#sse = sse;
    this.#producer = createComputers({
      frames: createFrames({ log: this.log, hub: this.hub, clock, logger: quiet, lingerMs: 1_000 }),
      exporter: () => Promise.reject(new PlayheadError('not-served', 'Nothing is written here.')),
      recordings: createRecordings({
        ...{ log: this.log, hub: this.hub, clock, logger: quiet },
        settings: { fps: 2, stillMs: 10_000, ageMs: 60_000, bytes: 2 ** 20, retryMs: 10 },
      }),
      ...{ log: this.log, hub: this.hub, records, sse, clock, logger: quiet },
      browsers: this.browsers,
      egress: null,
      executor: noExecutor,
      publicUrl: () => 'http://public.example',
      settings: {
        ...COMPUTER_DEFAULTS,
        folder: join(folder, 'computers'),
        workspaces: join(folder, 'workspaces'),
        ...settings,
      },
    });
    this.#app = createHttpApp({
      gate: {
        identify({ headers }) {
          const found = KEYS[String(headers['x-api-key'])];
          if (found === undefined) throw new PlayheadError('unauthenticated', 'The key is not valid.');
          return found;
        },
        standing: () => ({ kind: 'valid', until: Number.POSITIVE_INFINITY }),
        spend: () => ({ allowed: true, limit: 0, remaining: 0, reset: 0, retryAfter: 1 }),
      },
      // Its own intervals are looked at in real time.
      clock: {
        ...clock,
        after: (ms, call) => ({ [Symbol.dispose]: clearTimeout.bind(null, setTimeout(call, ms)) }),
      },
      logger: quiet,
      settings: {
        ...{ allowedHosts: [], allowedOrigins: '*', trustedProxies: [], bodyLimit: 1024 * 1024 },
        ...{ headTimeoutMs: 10_000, bodyTimeoutMs: 10_000, keepAliveMs: 1_000 },
      },
    });
  }

  async start(): Promise<this> {
    await this.#producer.settle();
    this.#producer.mount(this.#app, { serve() {} });
    this.#url = (await this.#app.listen({ host: '127.0.0.1', port: 0 })).url;
    return this;
  }

  async call(
    method: string,
    path: string,
    body?: unknown,
    key = 'admin',
  ): Promise<{ status: number; body: Json }> {
    const response = await fetch(`${this.#url}/v1/computers${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'x-api-key': key },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? undefined : JSON.parse(text) };
  }

  /** Its events by the documented call, as text, to their end. */
  async read(id: string): Promise<string> {
    const response = await fetch(`${this.#url}/v1/computers/${id}/events`, {
      headers: { 'x-api-key': 'admin' },
    });
    return response.text();
  }

  /** A computer and its browser. */
  async open(body: object = {}, key = 'admin'): Promise<{ id: string; browser: ScriptedBrowser }> {
    const answer = await this.call('POST', '', body, key);
    expect(answer.status, JSON.stringify(answer.body)).toBe(200);
    const browser = this.browsers.opened.at(-1);
    if (browser === undefined) throw new Error('no browser');
    return { id: answer.body.id, browser };
  }

  /** All events of a computer so far. */
  async events(id: string, tenant = 'default'): Promise<Json[]> {
    const key = streamKey(tenant, `computers/${id}`);
    const bounds = await this.log.bounds(key);
    if (bounds === undefined) return [];
    const slice = await this.log.read(key, bounds.start, { events: 1e5, bytes: 1e9 });
    if (slice.kind !== 'events') return [];
    return slice.batches.flatMap(({ events }) => events.map(({ data }) => JSON.parse(String(data))));
  }

  /** The events of a computer that has ended. */
  async endOf(id: string): Promise<Json[]> {
    for (;;) {
      const events = await this.events(id);
      if (events.at(-1)?.status === 'terminated') return events;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  close(): Promise<void> {
    return Promise.resolve(this.#producer[Symbol.asyncDispose]());
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.#app.close();
    this.#sse[Symbol.dispose]();
    this.hub[Symbol.dispose]();
  }
}

let folder: string;
const rigs: Rig[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'playhead-computers-'));
});
afterEach(async () => {
  for (const rig of rigs.splice(0)) await rig[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function rigWith(
  settings: Partial<ComputerSettings> = {},
  records: Records = memoryRecords(),
  log?: EventLog,
): Promise<Rig> {
  const rig = new Rig(folder, settings, records, log);
  rigs.push(rig);
  return rig.start();
}

describe('how computers end', () => {
  test.each([
    [{ kind: 'exited', code: 0 } as const, { kind: 'exited', code: 0 }, 'browser-exited'],
    [
      { kind: 'crashed', name: 'SIGSEGV' } as const,
      { kind: 'signalled', name: 'SIGSEGV' },
      'browser-crashed',
    ],
    [
      { kind: 'signalled', name: 'SIGKILL' } as const,
      { kind: 'signalled', name: 'SIGKILL' },
      'browser-killed',
    ],
    [{ kind: 'hung' } as const, { kind: 'failed', reason: 'browser-hung' }, 'browser-hung'],
  ])('F5 CO-6 a browser that %j is an error, then that ending', async (how, ending, code) => {
    const rig = await rigWith();
    const { id, browser } = await rig.open();
    browser.dies(how);
    const events = await rig.endOf(id);
    expect(events.at(-2)).toMatchObject({ type: 'error', code, computer_id: id });
    expect(events.at(-1)).toMatchObject({ type: 'session_state', status: 'terminated', ending });
    expect((await rig.call('GET', `/${id}/status`)).body).toMatchObject({ status: 'terminated', ending });
  });

  test('F5 what was asked before is the ending, and no error', async () => {
    const rig = await rigWith();
    const { id } = await rig.open({}, 'driver');
    expect((await rig.call('DELETE', `/${id}`)).status).toBe(204);
    const events = await rig.endOf(id);
    expect(events.map(({ type }) => type)).toEqual(['session_state', 'session_state']);
    expect(events.at(-1).ending).toEqual({ kind: 'stopped', by: 'key-admin' });
    expect((await rig.call('DELETE', `/${id}`)).status).toBe(204);
  });

  test('an action under way when it ends has its answer before the ending, on both ways', async () => {
    const rig = await rigWith();
    const { id, browser } = await rig.open();
    const { promise: begun, resolve } = Promise.withResolvers<void>();
    browser.answer = async () => {
      resolve();
      await browser.ended;
      return { kind: 'refused', reason: 'browser-gone', detail: 'The browser is gone.' };
    };
    const answer = rig.call('POST', `/${id}/click`, { x: 1, y: 1 });
    await begun;
    browser.dies({ kind: 'signalled', name: 'SIGKILL' });
    expect((await answer).body).toMatchObject({ status: 'ERROR', code: 'browser-gone' });
    const types = (await rig.endOf(id)).map(({ type }) => type);
    expect(types.slice(-4)).toEqual(['action_response', 'error', 'error', 'session_state']);
  });

  test('nothing of it is left in the folders', async () => {
    const rig = await rigWith();
    const { id } = await rig.open();
    expect(existsSync(join(folder, 'workspaces', id))).toBe(true);
    await rig.call('DELETE', `/${id}`);
    await rig.close();
    expect(readdirSync(join(folder, 'workspaces'))).toEqual([]);
  });

  test('D-5 D-12 its recording outlives it, and is gone when it is forgotten', async () => {
    const rig = await rigWith({ keepMs: 10_000 });
    const { id } = await rig.open({ recording: { fps: 1 } });
    const key = streamKey('default', `computers/${id}/recording`);
    expect((await rig.call('GET', `/${id}/recording`)).body).toMatchObject({ recording: true, fps: 1 });
    await rig.call('DELETE', `/${id}`);
    expect((await rig.call('GET', `/${id}/recording`)).body).toMatchObject({
      recording: false,
      closed: true,
    });
    expect((await rig.call('GET', `/${id}/recording?at=1`)).body).toMatchObject({ reason: 'before' });
    expect((await rig.call('GET', `/${id}/recording.webm`)).status).toBe(501);
    rig.clock.advance(3_600_000 + 10_000);
    while ((await rig.log.bounds(key)) !== undefined) await new Promise((resolve) => setImmediate(resolve));
    expect((await rig.call('GET', `/${id}/recording`)).status).toBe(404);
  });

  test('the end of the server stops them, and takes no new ones', async () => {
    const rig = await rigWith();
    const { id } = await rig.open();
    await rig.close();
    expect((await rig.events(id)).at(-1).ending).toEqual({ kind: 'stopped', by: 'shutdown' });
    expect((await rig.call('POST', '', {})).status).toBe(503);
  });

  test('CO-26 what a crash leaves is reaped, and lost', async () => {
    const records = memoryRecords();
    const first = await rigWith({}, records);
    const { id, browser } = await first.open();
    const second = await rigWith({}, records, first.log);
    expect(second.browsers.reaped).toEqual([browser.remains]);
    const events = await second.endOf(id);
    expect(events.at(-2)).toMatchObject({ type: 'error', code: 'lost' });
    expect(events.at(-1).ending.kind).toBe('lost');
    expect((await second.call('GET', `/${id}`)).body).toMatchObject({ status: 'terminated' });
    expect((await second.call('POST', `/${id}/keepalive`)).status).toBe(404);
    expect(existsSync(join(folder, 'workspaces', id))).toBe(false);
  });
});

describe('leases of computers', () => {
  test('CO-19 it is told 30 s ahead, expires when its idle time is over, and never before', async () => {
    const rig = await rigWith();
    const { id } = await rig.open({ inactivity_timeout_seconds: 60 });
    rig.clock.advance(29_999);
    expect((await rig.events(id)).map(({ type }) => type)).toEqual(['session_state']);
    rig.clock.advance(1);
    expect((await rig.events(id)).at(-1)).toMatchObject({ type: 'expiring' });
    rig.clock.advance(29_999);
    expect((await rig.call('GET', `/${id}/status`)).body.status).toBe('ready');
    rig.clock.advance(1);
    expect((await rig.endOf(id)).at(-1).ending).toEqual({ kind: 'expired' });
  });

  test('CO-16 CO-19 keeping it alive every 30 s is enough, for ever; only its lifetime ends it then', async () => {
    const rig = await rigWith();
    const { id } = await rig.open({ max_lifetime_seconds: 3600 });
    for (let t = 0; t < 119; t++) {
      rig.clock.advance(30_000);
      const { status, body } = await rig.call('POST', `/${id}/keepalive`);
      expect(status).toBe(200);
      expect(body.idle_expires_at).toBe(new Date(rig.clock.now() + 120_000).toISOString());
    }
    rig.clock.advance(30_000);
    expect((await rig.endOf(id)).at(-1).ending).toEqual({ kind: 'expired' });
  });

  test('CO-19 actions renew it, also one that takes longer than the idle time', async () => {
    const rig = await rigWith();
    const { id, browser } = await rig.open();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    browser.answer = async () => {
      begin();
      await done;
      return { kind: 'done', tab: 'tab_1' };
    };
    const acting = rig.call('POST', `/${id}/click`, { x: 1, y: 1 });
    await begun;
    for (let t = 0; t < 10; t++) rig.clock.advance(60_000);
    finish();
    expect((await acting).body.status).toBe('SUCCESS');
    expect((await rig.call('GET', `/${id}/status`)).body).toMatchObject({
      status: 'running',
      last_activity_at: new Date(rig.clock.now()).toISOString(),
    });
  });

  test('D-31 watching on our own faces keeps it alive, the documented call does not', async () => {
    const rig = await rigWith();
    const { id } = await rig.open();
    const key = streamKey('default', `computers/${id}`);
    const encoding = { encode: () => new Uint8Array(), frame: () => new Uint8Array() };
    const sink = { encoding, receipt() {}, write: () => true, end() {} };
    const attached = await rig.hub.attach({ key, from: 'live', delivery: 'every' }, sink);
    if (attached.kind !== 'attached') throw new Error(attached.kind);
    // What is asked of a stream is told once per turn.
    await new Promise((resolve) => setImmediate(resolve));
    for (let t = 0; t < 20; t++) rig.clock.advance(60_000);
    expect((await rig.call('GET', `/${id}`)).body.status).toBe('ready');
    attached.subscription[Symbol.dispose]();
    const watching = rig.read(id);
    await new Promise((resolve) => setImmediate(resolve));
    for (let t = 0; t < 4; t++) {
      rig.clock.advance(29_999);
      expect((await rig.call('GET', `/${id}`)).body.status).toBe('ready');
    }
    rig.clock.advance(120_000);
    expect((await rig.endOf(id)).at(-1).ending).toEqual({ kind: 'expired' });
    expect(await watching).toContain('"terminated"');
  });

  test('without an idle time it lives for its lifetime', async () => {
    const rig = await rigWith();
    const { id } = await rig.open({ auto_kill: false, timeout_seconds: 1000 });
    const { body } = await rig.call('GET', `/${id}`);
    expect(body).toMatchObject({ auto_kill: false, idle_timeout_enabled: false, max_lifetime_seconds: 1000 });
    expect(body.idle_expires_at).toBeUndefined();
    rig.clock.advance(999_999);
    expect((await rig.call('GET', `/${id}`)).body.status).toBe('ready');
    rig.clock.advance(1);
    await rig.endOf(id);
  });
});

describe('making computers', () => {
  test('D-26 a desktop is 501, and so is a machine without a browser', async () => {
    const rig = await rigWith();
    expect((await rig.call('POST', '', { kind: 'desktop' })).status).toBe(501);
    rig.browsers.refusal = { kind: 'no-browser', detail: 'Install Chromium.' };
    const { status, body } = await rig.call('POST', '', {});
    expect(status).toBe(501);
    expect(body).toMatchObject({ status: 'error', error_message: 'Install Chromium.' });
  });

  test('one that does not come up leaves nothing but its ending', async () => {
    const rig = await rigWith({ maxPerTenant: 1 });
    rig.browsers.refusal = { kind: 'failed', detail: 'It did not come up.' };
    expect((await rig.call('POST', '', { context_id: 'mine' })).status).toBe(503);
    rig.browsers.refusal = undefined;
    await rig.open({ context_id: 'mine' });
    expect((await rig.call('GET', '')).body).toHaveLength(1);
  });

  test('limits hold for a tenant and for all, whatever comes at once', async () => {
    const rig = await rigWith({ maxPerTenant: 2, maxRunning: 3 });
    const answers = await Promise.all(Array.from({ length: 4 }, () => rig.call('POST', '', {})));
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 429, 429]);
    await rig.open({}, 'stranger');
    expect((await rig.call('POST', '', {}, 'stranger')).status).toBe(503);
    const [first] = (await rig.call('GET', '')).body;
    await rig.call('DELETE', `/${first.id}`);
    expect((await rig.call('POST', '', {})).status).toBe(200);
  });

  test('a profile is kept under its name, open in one computer at a time', async () => {
    const rig = await rigWith();
    const { id, browser } = await rig.open({ context_id: 'mine' });
    const refused = await rig.call('POST', '', { context_id: 'mine' });
    expect(refused.status).toBe(409);
    const { browser: strangers } = await rig.open({ context_id: 'mine' }, 'stranger');
    expect(strangers.options.profile).not.toBe(browser.options.profile);
    await rig.call('DELETE', `/${id}`);
    await rig.close();
    expect(existsSync(String(browser.options.profile))).toBe(true);
  });

  test('a persistent computer keeps its profile under its id; one that was not is no profile', async () => {
    const rig = await rigWith();
    const { id, browser } = await rig.open({ persistent: true });
    const { id: other, browser: temporary } = await rig.open();
    expect(temporary.options.profile).toBeNull();
    await rig.call('DELETE', `/${id}`);
    const again = await rig.call('POST', '', { environment_id: id });
    expect(again.body).toMatchObject({ context_id: id, persistent: true });
    expect(rig.browsers.opened.at(-1)?.options.profile).toBe(browser.options.profile);
    expect((await rig.call('POST', '', { context_id: other })).status).toBe(404);
    const { body } = await rig.call('GET', '?type=persistent');
    expect(body.map(({ id: each }: Json) => each)).toEqual(expect.arrayContaining([id, again.body.id]));
  });

  test.each([
    [{ kind: 'phone' }, 'kind'],
    [{ timeout_seconds: 1.5 }, 'timeout_seconds'],
    [{ inactivity_timeout_seconds: 0 }, 'inactivity_timeout_seconds'],
    [{ inactivity_timeout_seconds: '60' }, 'inactivity_timeout_seconds'],
    [{ auto_kill: 'yes' }, 'auto_kill'],
    [{ display: { width: 0 } }, 'display.width'],
    [{ context_id: '../x' }, 'context_id'],
  ])('bad input is 400 and named: %j', async (body, field) => {
    const rig = await rigWith();
    const answer = await rig.call('POST', '', body);
    expect(answer).toMatchObject({ status: 400, body: { status: 'error', field } });
    expect(rig.browsers.opened).toHaveLength(0);
  });
});

describe('acting', () => {
  test('what follows a new tab at once, without naming one, is done there', async () => {
    const rig = await rigWith();
    const { id } = await rig.open();
    const { body } = await rig.call('POST', `/${id}/batch`, {
      actions: [{ type: 'new_tab' }, { type: 'wait', ms: 0 }],
    });
    expect(body.results[1].executed_tab_id).toBe(body.results[0].result.created_tab_id);
  });

  test('a batch stops at its first error', async () => {
    const rig = await rigWith();
    const { id, browser } = await rig.open();
    const { body } = await rig.call('POST', `/${id}/batch`, {
      actions: [
        { type: 'wait', ms: 0 },
        { type: 'close_tab', tab_id: 'tab_1' },
        { type: 'wait', ms: 0 },
      ],
    });
    expect(body).toMatchObject({ status: 'ERROR', executed: 2, total: 3, code: 'last-tab' });
    expect(browser.actions).toHaveLength(1);
    const wrong = await rig.call('POST', `/${id}/batch`, {
      actions: [{ type: 'wait', ms: 0 }, { type: 'click' }],
    });
    expect(wrong).toMatchObject({ status: 400, body: { field: 'actions.1.x' } });
    expect(browser.actions).toHaveLength(1);
  });

  test('as much as may be under way, and no more', async () => {
    const rig = await rigWith({ maxActions: 1 });
    const { id, browser } = await rig.open();
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
    const { promise: done, resolve: finish } = Promise.withResolvers<void>();
    browser.answer = async () => {
      begin();
      await done;
      return { kind: 'done', tab: 'tab_1' };
    };
    const first = rig.call('POST', `/${id}/click`, { x: 1, y: 1 });
    await begun;
    const second = await rig.call('POST', `/${id}/click`, { x: 1, y: 1 });
    expect(second.body).toMatchObject({ status: 'ERROR', code: 'overloaded' });
    finish();
    expect((await first).body.status).toBe('SUCCESS');
  });

  test('D-19 a shell needs projects:execute, whichever way it is asked for', async () => {
    const rig = await rigWith();
    const { id } = await rig.open();
    const asked = [
      ['/debug', { command: 'ls' }],
      ['/execute', { action: { type: 'debug', debug: { command: 'ls' } } }],
      ['/batch', { actions: [{ type: 'debug', command: 'ls' }] }],
      ['/exec', { command: 'ls' }],
      ['/exec/sync', { command: 'ls' }],
    ] as const;
    for (const [path, body] of asked)
      expect((await rig.call('POST', `/${id}${path}`, body, 'driver')).status, path).toBe(403);
  });

  test('D-6 P-343 what pages do is counted while the log has no room, and told once it has', async () => {
    const rig = await rigWith({ uncommittedBytes: 200 });
    const { id, browser } = await rig.open();
    for (let n = 0; n < 100; n++)
      browser.options.tell({ type: 'console', tab: 'tab_1', level: 'log', text: `line ${n}`, at: null });
    await rig.call('POST', `/${id}/execute`, { type: 'wait', ms: 0 });
    await rig.call('DELETE', `/${id}`);
    const events = await rig.endOf(id);
    const told = events.filter(({ type }) => type === 'console').length;
    const left = events.filter(({ type }) => type === 'omitted').reduce((sum, { count }) => sum + count, 0);
    expect(told).toBeGreaterThan(0);
    expect(left).toBeGreaterThan(0);
    expect(told + left).toBe(100);
  });
});
