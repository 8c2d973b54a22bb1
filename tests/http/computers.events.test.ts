import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parsePosition } from '../../packages/protocol/src/index.ts';
import {
  act,
  type ComputerEvent,
  computers,
  createComputer,
  done,
  eventsOf,
  nextEvent,
  openEvents,
  startComputerServer,
} from '../support/computers.ts';
import { findChromium } from '../support/optional.ts';
import { gone } from '../support/processes.ts';
import { request } from '../support/request.ts';
import type { TestServer } from '../support/server.ts';
import { page, type Site, startSite } from '../support/site.ts';
import { jsonOf } from '../support/sse-client.ts';
import { readPage } from '../support/streams.ts';

const chromium = findChromium();

describe.skipIf(chromium.missing)('events of computers', () => {
  let site: Site;
  let server: TestServer;
  beforeAll(async () => {
    site = await startSite({
      '/': page('home', '<a id="link" href="/second" style="display:block;width:100%;height:300px">go</a>'),
      '/second': page('second'),
      '/spa': page('spa', '', 'history.pushState({}, "", "/spa/inner"); location.hash = "part"'),
      '/noisy': page(
        'noisy',
        '',
        'console.log("said", 1); console.error("bad"); setTimeout(() => { nothing(); }, 0)',
      ),
      '/breaks': page('breaks', '', 'console.log("a\\u2028b\\u0085c\\r\\nid: 1\\n\\nevent: x")'),
      '/opens': page(
        'opens',
        '<a href="/second" target="_blank" style="display:block;width:100%;height:300px">go</a>',
      ),
      '/asks': page('asks', '<img src="/gone.png">', 'alert("sure?")'),
      '/download': page('download', '', 'location.href = "/file"'),
      '/file': (_request, response) => {
        response.writeHead(200, {
          'content-type': 'application/octet-stream',
          'content-disposition': 'attachment; filename="data.txt"',
        });
        response.end('downloaded');
      },
    });
    server = await startComputerServer(site);
  });
  afterAll(async () => {
    await server?.stop();
    await site?.[Symbol.asyncDispose]();
  });

  test('CO-1 CO-3 P-344 is an event stream: chunked, not compressed, UTF-8 with LF, and stays open', async () => {
    await using computer = await createComputer(server);
    await using reader = await openEvents(server, computer.id, {
      headers: { authorization: `Bearer ${server.key}`, 'accept-encoding': 'gzip, br' },
    });
    expect(reader.status).toBe(200);
    expect(reader.headers).toMatchObject({
      'content-type': expect.stringMatching(/^text\/event-stream/),
      'transfer-encoding': 'chunked',
      'cache-control': expect.stringContaining('no-cache'),
    });
    expect(reader.headers['content-encoding']).toBeUndefined();
    await reader.frame(({ text }) => text === ': heartbeat\n\n', 'a heartbeat');
    await reader.frame(({ text }) => text.startsWith(': receipt {'), 'a receipt');
    await done(server, computer.id, 'navigate', { url: site.url });
    await nextEvent(reader, 'navigation');
    expect(reader.body.includes(13)).toBe(false);
    expect(reader.rest).toBe('');
    for (const frame of reader.frames.filter(({ data }) => data !== undefined)) {
      expect(frame.lines.map((line) => line.split(': ')[0])).toEqual(['id', 'event', 'data']);
      expect(frame.event).toBe(
        jsonOf<ComputerEvent>(frame).type === 'error' ? 'problem' : jsonOf<ComputerEvent>(frame).type,
      );
      expect(parsePosition(frame.id ?? '')).toBeDefined();
    }
  });

  test('CO-4 CO-5 CO-7 CO-8 P-340 P-341 states, actions with their duration, and navigations, as they happen', async () => {
    await using computer = await createComputer(server);
    await using reader = await openEvents(server, computer.id, { query: '?after=start' });
    expect(await nextEvent(reader, 'session_state')).toMatchObject({
      computer_id: computer.id,
      timestamp: expect.stringMatching(/Z$/),
      status: 'ready',
    });
    const answer = await act(server, computer.id, 'navigate', { url: site.url });
    expect(await nextEvent(reader, 'action_request')).toMatchObject({
      request_id: answer.request_id,
      action: { type: 'go_to_url', url: site.url },
    });
    await nextEvent(reader, 'session_state', ({ status }) => status === 'running');
    expect(await nextEvent(reader, 'navigation')).toMatchObject({
      tab_id: answer.executed_tab_id,
      url: `${site.url}/`,
      same_document: false,
    });
    const response = await nextEvent(reader, 'action_response');
    expect(response).toMatchObject({ request_id: answer.request_id, status: 'SUCCESS' });
    expect(Number.isInteger(response['duration_ms'])).toBe(true);
    // By the page itself: a link.
    await done(server, computer.id, 'click', { x: 100, y: 100 });
    await nextEvent(reader, 'navigation', ({ url }) => url === `${site.url}/second`);
    await computers(server, 'DELETE', `/${computer.id}`);
    await reader.end();
    expect(eventsOf(reader).at(-1)).toMatchObject({
      type: 'session_state',
      status: 'terminated',
      ending: { kind: 'stopped' },
    });
  });

  test('CO-7 P-340 navigations within a page', async () => {
    await using computer = await createComputer(server);
    await using reader = await openEvents(server, computer.id);
    await done(server, computer.id, 'navigate', { url: `${site.url}/spa` });
    await nextEvent(
      reader,
      'navigation',
      ({ url, same_document }) => same_document && url.endsWith('/spa/inner'),
    );
    await nextEvent(reader, 'navigation', ({ url, same_document }) => same_document && url.endsWith('#part'));
  });

  test('CO-6 P-341 P-344 an action that fails is an error event, under a name that EventSource delivers', async () => {
    await using computer = await createComputer(server);
    await using reader = await openEvents(server, computer.id);
    const { request_id } = await act(server, computer.id, 'navigate', { url: 'http://no-such-host.invalid' });
    const frame = await reader.event('problem');
    expect(jsonOf<ComputerEvent>(frame)).toMatchObject({
      type: 'error',
      request_id,
      code: 'navigation-failed',
      error_message: expect.any(String),
    });
  });

  test('P-340 what pages say, break, open, ask and load', async () => {
    await using computer = await createComputer(server);
    await using reader = await openEvents(server, computer.id);
    await done(server, computer.id, 'navigate', { url: `${site.url}/noisy` });
    expect(await nextEvent(reader, 'console')).toMatchObject({ level: 'log', text: 'said 1' });
    await nextEvent(reader, 'console', ({ level, text }) => level === 'error' && text === 'bad');
    expect((await nextEvent(reader, 'page_error'))['text']).toContain('nothing is not defined');
    await done(server, computer.id, 'navigate', { url: `${site.url}/opens` });
    await done(server, computer.id, 'click', { x: 100, y: 100 });
    const opened = await nextEvent(reader, 'tab_opened');
    expect(opened['opener_tab_id']).toMatch(/^tab_/);
    await nextEvent(reader, 'tab_activated', ({ tab_id }) => tab_id === opened['tab_id']);
    await computers(server, 'DELETE', `/${computer.id}/tabs/${opened['tab_id']}`);
    await nextEvent(reader, 'tab_closed', ({ tab_id }) => tab_id === opened['tab_id']);
    await done(server, computer.id, 'navigate', { url: `${site.url}/asks` });
    expect(await nextEvent(reader, 'dialog', ({ state }) => state === 'opened')).toMatchObject({
      dialog: 'alert',
      message: 'sure?',
    });
    expect(await nextEvent(reader, 'request_failed')).toMatchObject({
      url: `${site.url}/gone.png`,
      http_status: 404,
      cause: 'status',
    });
  });

  test('downloads are told, and lie in the computer’s own folder', async () => {
    await using computer = await createComputer(server);
    await using reader = await openEvents(server, computer.id);
    await done(server, computer.id, 'navigate', { url: `${site.url}/download` });
    const finished = await nextEvent(reader, 'download', ({ state }) => state === 'finished');
    expect(finished).toMatchObject({
      filename: 'data.txt',
      bytes: 10,
      path: '/workspace/downloads/data.txt',
    });
    const read = await computers(server, 'POST', `/${computer.id}/exec/sync`, {
      command: 'cat downloads/data.txt',
    });
    expect(read.json()).toMatchObject({ exit_code: 0, stdout: 'downloaded' });
  });

  test('D-10 no text of a page breaks a line, or out of a frame', async () => {
    await using computer = await createComputer(server);
    await using reader = await openEvents(server, computer.id);
    await done(server, computer.id, 'navigate', { url: `${site.url}/breaks` });
    const event = await nextEvent(reader, 'console');
    expect(event['text']).toContain('a\u2028b\u0085c');
    expect(reader.body.toString()).not.toMatch(/[\u0085\u2028\u2029\r]/);
    expect(reader.frames.some(({ event: name }) => name === 'x')).toBe(false);
  });

  test('P-342 nothing that was typed is told', async () => {
    await using computer = await createComputer(server);
    await using reader = await openEvents(server, computer.id);
    await done(server, computer.id, 'type', { text: 'hunter2' });
    await done(server, computer.id, 'change-proxy', { proxy_url: '' });
    await nextEvent(reader, 'action_response', ({ action_type }) => action_type === 'change_proxy');
    expect(reader.body.toString()).not.toContain('hunter2');
    expect(server.stderr).not.toContain('hunter2');
  });

  test('D-7 D-9 P-344 is resumed behind a position without loss or repetition, here and on the streams’ face', async () => {
    const computer = await createComputer(server);
    await done(server, computer.id, 'navigate', { url: site.url });
    await computers(server, 'DELETE', `/${computer.id}`);
    await using whole = await openEvents(server, computer.id, { query: '?after=start' });
    await whole.end();
    const all = whole.frames.filter(({ id }) => id !== undefined);
    const at = Math.floor(all.length / 2);
    const id = all[at]?.id ?? '';
    for (const [options, expected] of [
      [{ lastEventId: id }, all.slice(at + 1)],
      [{ query: `?last_event_id=${id}` }, all.slice(at + 1)],
      [{ query: `?after=${id}` }, all.slice(at + 1)],
      // D-12: without a cursor it is the last event.
      [{}, all.slice(-1)],
    ] as const) {
      await using reader = await openEvents(server, computer.id, options);
      expect(await reader.end()).toBe('ended');
      expect(reader.frames.filter((frame) => frame.id !== undefined).map(({ text }) => text)).toEqual(
        expected.map(({ text }) => text),
      );
    }
    await using finished = await openEvents(server, computer.id, { lastEventId: all.at(-1)?.id ?? '' });
    expect(finished.status).toBe(204);
    await using gap = await openEvents(server, computer.id, { lastEventId: `${'0'.repeat(16)}-a5` });
    await gap.end();
    expect(gap.frames.find(({ text }) => text.startsWith(': receipt'))?.text).toContain('"gap":true');
    expect(gap.frames.filter((frame) => frame.id !== undefined)).toHaveLength(all.length);
    await using malformed = await openEvents(server, computer.id, { lastEventId: 'nonsense' });
    expect(malformed.status).toBe(400);
    const stream = await readPage(server, `computers/${computer.id}`);
    expect(stream.events.map(({ position }) => position)).toEqual(all.map(({ id: each }) => each));
    expect(stream.closed).toBe(true);
  });

  test('CO-8 CO-23 several readers hear of their own computer only, and leave when they like', async () => {
    await using one = await createComputer(server);
    await using two = await createComputer(server);
    await using first = await openEvents(server, one.id);
    await using second = await openEvents(server, one.id);
    await using other = await openEvents(server, two.id);
    await done(server, one.id, 'navigate', { url: site.url });
    await nextEvent(first, 'action_response');
    first.close();
    await done(server, one.id, 'navigate', { url: `${site.url}/second` });
    await nextEvent(second, 'navigation', ({ url }) => url.endsWith('/second'));
    await done(server, two.id, 'navigate', { url: site.url });
    await nextEvent(other, 'navigation');
    for (const event of eventsOf(other)) expect(event.computer_id).toBe(two.id);
    for (const event of eventsOf(second)) expect(event.computer_id).toBe(one.id);
  });

  test('CO-6 CO-24 P-321 P-341 a browser that is killed is told as an error and a truthful ending, and its streams end', async () => {
    const computer = await createComputer(server);
    await using reader = await openEvents(server, computer.id);
    await reader.frame(({ text }) => text.startsWith(': receipt'), 'a receipt');
    process.kill(await browserOf(server.pid), 'SIGKILL');
    await reader.end();
    const [problem, last] = eventsOf(reader).slice(-2);
    expect(problem).toMatchObject({ type: 'error', code: 'browser-killed' });
    expect(last).toMatchObject({ status: 'terminated', ending: { kind: 'signalled', name: 'SIGKILL' } });
    expect((await computers(server, 'POST', `/${computer.id}/keepalive`)).status).toBe(404);
  });

  test('CO-26 P-321 a server that is killed leaves no browser, and its next start says that they were lost', async () => {
    await using own = await startComputerServer(site);
    const computer = await createComputer(own);
    const pid = await browserOf(own.pid);
    await own.kill('SIGKILL');
    await own.restart();
    await gone(pid);
    await using reader = await openEvents(own, computer.id, { query: '?after=start' });
    await reader.end();
    const events = eventsOf(reader);
    expect(events[0]).toMatchObject({ type: 'session_state', status: 'ready' });
    expect(events.at(-1)).toMatchObject({ status: 'terminated', ending: { kind: 'lost' } });
    expect((await request(own, `/v1/computers/${computer.id}/status`)).json()).toMatchObject({
      status: 'terminated',
      ending: { kind: 'lost' },
    });
  });
});

/** The process of the one browser that a server has. */
async function browserOf(server: number): Promise<number> {
  const children = await readFile(`/proc/${server}/task/${server}/children`, 'utf8');
  for (const pid of children.trim().split(' ').map(Number)) {
    const line = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
    if (/chrom/i.test(line) && !line.includes('--type=')) return pid;
  }
  throw new Error(`no browser among ${children}`);
}
