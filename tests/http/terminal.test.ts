import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { completeOf, lines, post, readAll, start } from '../support/commands.ts';
import { makeKey } from '../support/keys.ts';
import { gone } from '../support/processes.ts';
import { type Envelope, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { allEvents, outputOf, startTerminal, terminalOf } from '../support/terminal.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

describe('two streams', () => {
  test('D-14 P-132 bytes on one, lines on the other, all stdout; both end with the command', async () => {
    const terminal = await startTerminal(
      server,
      `printf 'out\\n'; printf '\\033[1merr\\033[0m\\n' >&2; exit 4`,
    );
    const events = await terminal.ended();
    expect(events[0]).toMatchObject({ type: 'resize', data: { columns: 80, rows: 24 } });
    expect(outputOf(events).toString()).toBe('out\r\n\x1b[1merr\x1b[0m\r\n');
    expect(events.filter(({ type }) => type === 'output')[0]).toMatchObject({ encoding: 'base64' });
    expect(events.at(-1)).toMatchObject({
      type: 'complete',
      data: { exit_code: 4, ending: { kind: 'exited' } },
    });
    const frames = await readAll(server, terminal.id);
    expect(lines(frames, 'stdout')).toEqual(['out', '\x1b[1merr\x1b[0m']);
    expect(lines(frames, 'stderr')).toEqual([]);
    expect(completeOf(frames)).toMatchObject({ exit_code: 4 });
  });

  test('D-14 P-132 no event of output holds more than 16 KiB, and nothing is missing', async () => {
    const terminal = await startTerminal(server, 'seq 1 60000');
    const events = await terminal.ended();
    for (const { type, data } of events) {
      if (type === 'output')
        expect(Buffer.from(String(data), 'base64').length).toBeLessThanOrEqual(16 * 1024);
    }
    const numbers = Array.from({ length: 60_000 }, (_, i) => `${i + 1}`);
    expect(outputOf(events).toString()).toBe(numbers.map((number) => `${number}\r\n`).join(''));
    expect(lines(await readAll(server, terminal.id))).toEqual(numbers);
  });

  test('D-14 characters of several bytes survive, wherever they are cut', async () => {
    const text = 'äöü→𝄞'.repeat(3000);
    const terminal = await startTerminal(server, `for i in $(seq 1 3000); do printf 'äöü→𝄞'; done`);
    expect(outputOf(await terminal.ended()).toString()).toBe(text);
    expect(lines(await readAll(server, terminal.id)).join('')).toBe(text);
  });

  test('D-14 P-131 a command says that it has a terminal, of the size and kind that it sees', async () => {
    const answer = await post(server, 'stty size; echo $TERM; test -t 0 && echo yes', {
      body: { pty: { columns: 132, rows: 43 } },
    });
    const { id, pty, pty_stream: stream } = answer.json<Envelope<Record<string, unknown>>>().data;
    expect({ pty, stream }).toEqual({ pty: true, stream: `commands/${String(id)}/pty` });
    const shown = outputOf(await terminalOf(server, String(id)).ended()).toString();
    expect(shown).toBe('43 132\r\nxterm-256color\r\nyes\r\n');
  });

  test('a terminal leaves nothing on the server’s own stderr', async () => {
    await (await startTerminal(server, 'true')).ended();
    expect(server.stderr).not.toContain('Warning');
  });

  test('D-14 P-131 in a session too; without pty there is no second stream', async () => {
    const answer = await request(server, '/projects/my-project/sessions/s1/exec', {
      method: 'POST',
      body: { type: 'shell', command: 'stty size', pty: true },
    });
    const { id } = answer.json<Envelope<{ id: string }>>().data;
    expect(outputOf(await terminalOf(server, id).ended()).toString()).toBe('24 80\r\n');
    const plain = await start(server, 'true', { body: { pty: false } });
    expect((await request(server, `/v1/streams/commands/${plain}/pty`)).status).toBe(404);
  });

  test.each([
    { columns: 0, rows: 0 },
    { columns: 80 },
    { columns: 1001, rows: 24 },
    { columns: 1.5, rows: 2 },
    'yes',
  ])('D-14 P-131 a size of %j is refused', async (pty) => {
    const answer = await post(server, 'true', { body: { pty } });
    expect(answer.status).toBe(400);
  });

  test('F5 a signal is told as what it was', async () => {
    const terminal = await startTerminal(server, 'kill -9 $$');
    expect((await terminal.ended()).at(-1)).toMatchObject({
      data: { exit_code: 137, signal: 'SIGKILL', ending: { kind: 'signalled', name: 'SIGKILL' } },
    });
  });
});

describe('the keyboard', () => {
  test('D-14 P-134 what is typed is echoed and read', async () => {
    const terminal = await startTerminal(server, 'read line; echo "<$line>"');
    expect((await terminal.post('input', { data: 'grüße\r' })).status).toBe(204);
    expect(outputOf(await terminal.ended()).toString()).toBe('grüße\r\n<grüße>\r\n');
  });

  test('D-14 P-134 bytes are typed as they are, or in base64', async () => {
    const terminal = await startTerminal(server, 'stty raw -echo; echo ready; head -c 6 | od -An -tx1');
    await terminal.shows('ready');
    const path = `/projects/my-project/commands/${terminal.id}/input`;
    const answer = await fetch(`${server.url}${path}`, {
      method: 'POST',
      headers: { 'x-api-key': server.key, 'content-type': 'application/octet-stream' },
      body: Buffer.from([0xff, 0, 0x1b]),
    });
    expect(answer.status).toBe(204);
    await terminal.post('input', { data: Buffer.from([1, 2, 0x80]).toString('base64'), encoding: 'base64' });
    expect(outputOf(await terminal.ended()).toString()).toContain('ff 00 1b 01 02 80');
  });

  test('D-14 P-134 Ctrl-C as a byte and as a signal', async () => {
    const program = 'trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.01; done';
    const byByte = await startTerminal(server, program);
    await byByte.shows('ready');
    await byByte.post('input', { data: '\x03' });
    expect(outputOf(await byByte.ended()).toString()).toContain('^C');
    const bySignal = await startTerminal(server, program);
    await bySignal.shows('ready');
    expect((await bySignal.post('signal', { name: 'SIGINT' })).status).toBe(204);
    expect((await bySignal.ended()).at(-1)).toMatchObject({ data: { exit_code: 9 } });
    expect((await bySignal.post('signal', { name: 'SIGNONE' })).status).toBe(400);
  });

  test('D-14 P-135 a new size is told to the program and, in its place, to the viewers', async () => {
    const terminal = await startTerminal(
      server,
      'trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.01; done',
    );
    await terminal.shows('ready');
    expect((await terminal.post('resize', { columns: 100, rows: 50 })).status).toBe(204);
    const events = await terminal.ended();
    const resized = events.findIndex(({ data }) => (data as { columns?: number }).columns === 100);
    expect(outputOf(events.slice(0, resized)).toString()).toBe('ready\r\n');
    expect(outputOf(events.slice(resized)).toString()).toBe('50 100\r\n');
  });

  test('D-14 P-135 a terminal of 0 × 0 is refused, and says why', async () => {
    const terminal = await startTerminal(server, 'read line');
    for (const size of [
      { columns: 0, rows: 0 },
      { columns: 80, rows: 1001 },
      {},
      { columns: '80', rows: 24 },
    ]) {
      const answer = await terminal.post('resize', size);
      expect(answer.status).toBe(400);
    }
    expect((await terminal.post('resize', { columns: 0, rows: 0 })).text).toContain('from 1 to 1000');
    await terminal.post('input', { data: '\r' });
    expect((await terminal.ended()).filter(({ type }) => type === 'resize')).toHaveLength(1);
  });

  test('P-134 what is typed to a command that has ended, or has no terminal, is a conflict', async () => {
    const terminal = await startTerminal(server, 'true');
    await terminal.ended();
    for (const [what, body] of [
      ['input', { data: 'x' }],
      ['resize', { columns: 8, rows: 8 }],
      ['signal', { name: 'SIGINT' }],
    ] as const) {
      const answer = await terminal.post(what, body);
      expect(answer.status).toBe(409);
      expect(answer.text).toContain('has ended');
    }
    const plain = terminalOf(server, await start(server, 'sleep 600'));
    expect((await plain.post('input', { data: 'x' })).status).toBe(409);
    expect((await plain.post('signal', { name: 'SIGTERM' })).status).toBe(204);
    expect(completeOf(await readAll(server, plain.id))).toMatchObject({ signal: 'SIGTERM' });
  });

  test('P-60 P-134 strangers and readers are kept from it', async () => {
    const terminal = await startTerminal(server, 'read line');
    const foreign = await makeKey(server, { scopes: ['projects:read', 'streams:read'], tenant: 'other' });
    const reader = await makeKey(server, { scopes: ['projects:read', 'streams:read'] });
    for (const what of ['input', 'resize', 'signal'] as const) {
      expect((await terminal.post(what, { data: 'x' }, reader)).status).toBe(403);
    }
    expect((await request(server, `/v1/streams/${terminal.stream}`, { key: foreign })).status).toBe(404);
    expect((await request(server, `/v1/streams/${terminal.stream}`, { key: reader })).status).toBe(200);
    await terminal.post('input', { data: '\r' });
    await terminal.ended();
  });
});

describe('endings', () => {
  test('F14 DELETE ends a shell that waits at its prompt, with its jobs', async () => {
    const terminal = await startTerminal(server, 'exec bash --norc -i');
    await terminal.post('input', { data: 'sleep 600 & echo "job $!."\r' });
    const shown = await terminal.shows('job ');
    const job = Number(/job ([0-9]+)\./.exec(await terminal.shows('.\r\n'))?.[1] ?? shown);
    const answer = await request(server, `/projects/my-project/commands/${terminal.id}`, {
      method: 'DELETE',
    });
    expect(answer.status).toBe(200);
    expect((await terminal.ended()).at(-1)).toMatchObject({ data: { ending: { kind: 'stopped' } } });
    await gone(job);
  });

  test('D-6 too much output ends the command as failed, on both streams', async () => {
    await using small = await startServer({ env: { PLAYHEAD_COMMAND_OUTPUT_LIMIT: '100000' } });
    const terminal = await startTerminal(small, 'yes');
    const events = await terminal.ended();
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['error', 'complete']);
    expect(events.at(-1)).toMatchObject({ data: { exit_code: -1, ending: { reason: 'output-limit' } } });
    expect(outputOf(events).length).toBeLessThanOrEqual(100_000);
    expect(completeOf(await readAll(small, terminal.id))).toMatchObject({ ending: { kind: 'failed' } });
  });

  test('F5 a terminal whose server was killed is lost on both streams, and nothing of it is left', async () => {
    await using own = await startServer();
    const terminal = await startTerminal(own, `trap '' HUP TERM; echo "pid $$."; while :; do sleep 1; done`);
    const pid = Number(/pid ([0-9]+)\./.exec(await terminal.shows('.'))?.[1]);
    await own.kill('SIGKILL');
    await own.restart();
    await gone(pid);
    const events = await terminal.ended();
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['error', 'complete']);
    expect(events.at(-1)).toMatchObject({ data: { exit_code: -1, ending: { kind: 'lost' } } });
    const frames = await readAll(own, terminal.id);
    expect(completeOf(frames)).toMatchObject({ exit_code: -1, ending: { kind: 'lost' } });
    expect((await terminal.post('input', { data: 'x' })).status).toBe(409);
    expect(await allEvents(own, terminal.stream)).toEqual(events);
  });
});
