import type { ScreenSnapshot } from '@playhead/protocol';
import { describe, expect, test } from 'vitest';
import { type Answer, ask } from '../ask.ts';
import {
  commandPath,
  endedTerminal,
  lines,
  readEvents,
  shownBy,
  start,
  startCommand,
  terminalShows,
} from '../commands.ts';
import { makeKey } from '../keys.ts';
import { openSocket } from '../socket.ts';
import { readAll } from '../streams.ts';
import { until } from '../within.ts';

const send = (id: string, what: string, body: unknown, key?: string): Promise<Answer> =>
  ask(commandPath(id, `/${what}`), { method: 'POST', body, ...(key === undefined ? {} : { key }) });

const ECHO = 'stty -echo; echo ready; while read -r line; do echo "<$line>"; done';

async function echoing(): Promise<{ id: string; stream: string }> {
  const id = await startCommand(ECHO, { pty: true });
  await terminalShows(id, 'ready');
  return { id, stream: `commands/${id}/pty` };
}

describe('11 Terminals', () => {
  test('P-131 a command runs in a terminal of the size that it is given', async () => {
    const answer = await start('stty size; echo $TERM', { pty: { columns: 132, rows: 43 } });
    const { data } = answer.json<{ data: { id: string; pty: unknown; pty_stream: unknown } }>();
    expect([data.pty, data.pty_stream]).toEqual([true, `commands/${data.id}/pty`]);
    expect(shownBy(await endedTerminal(data.id))).toBe('43 132\r\nxterm-256color\r\n');
    for (const pty of [{ columns: 0, rows: 24 }, { columns: 80 }, { columns: 1001, rows: 1 }, 'yes']) {
      expect([pty, (await start('true', { pty })).status]).toEqual([pty, 400]);
    }
  });

  test('P-132 one stream has every byte and size, the other the same as lines', async () => {
    const id = await startCommand(`printf '\\033[1mbold\\033[0m\\n'; seq 1 3000`, { pty: true });
    const events = await endedTerminal(id);
    expect(events[0]).toMatchObject({ type: 'resize', data: { columns: 80, rows: 24 } });
    const wanted = ['\x1b[1mbold\x1b[0m', ...Array.from({ length: 3000 }, (_, i) => String(i + 1))];
    expect(shownBy(events)).toBe(wanted.map((line) => `${line}\r\n`).join(''));
    for (const { data } of events.filter(({ type }) => type === 'output')) {
      const { length } = Buffer.from(String(data), 'base64');
      expect(length >= 1 && length <= 16_384).toBe(true);
    }
    const frames = await readEvents(id);
    expect(lines(frames)).toEqual(wanted);
    expect(frames.some(({ data }) => data?.includes('stderr') === true)).toBe(false);
  });

  test('P-133 both end with the same complete', async () => {
    const id = await startCommand('exit 5', { pty: true });
    const last = (await endedTerminal(id)).at(-1);
    expect(last?.type).toBe('complete');
    const lineEvents = await readAll(`commands/${id}`);
    expect(lineEvents.at(-1)).toMatchObject({ type: 'complete', data: last?.data });
  });

  test('P-134 it is typed to and signalled, by those who may, while it runs', async () => {
    const id = await startCommand('read -r a; read -r b; echo "<$a$b>"', { pty: true });
    expect((await send(id, 'input', { data: 'ä\r' })).status).toBe(204);
    const base64 = { data: Buffer.from('b\r').toString('base64'), encoding: 'base64' };
    expect((await send(id, 'input', base64)).status).toBe(204);
    expect(shownBy(await endedTerminal(id))).toContain('<äb>\r\n');
    expect((await send(id, 'input', { data: 'x' })).status).toBe(409);
    const waits = await startCommand('sleep 60', { pty: true });
    const { key } = await makeKey({ scopes: ['projects:read', 'streams:read'] });
    expect((await send(waits, 'input', { data: 'x' }, key)).status).toBe(403);
    expect((await send(waits, 'signal', { name: 'SIGNONE' })).status).toBe(400);
    expect((await send(waits, 'signal', { name: 'SIGTERM' })).status).toBe(204);
    expect((await endedTerminal(waits)).at(-1)).toMatchObject({ data: { signal: 'SIGTERM' } });
  });

  test('P-135 a new size stands between what was shown before and what is shown because of it', async () => {
    const program = 'trap "stty size; exit" WINCH; echo ready; while :; do sleep 0.05; done';
    const id = await startCommand(program, { pty: true });
    await terminalShows(id, 'ready');
    expect((await send(id, 'resize', { columns: 80, rows: 24 })).status).toBe(204);
    expect((await send(id, 'resize', { columns: 100, rows: 50 })).status).toBe(204);
    const events = await endedTerminal(id);
    const sizes = events.filter(({ type }) => type === 'resize').map(({ data }) => data);
    expect(sizes).toEqual([
      { columns: 80, rows: 24 },
      { columns: 100, rows: 50 },
    ]);
    const at = events.findLastIndex(({ type }) => type === 'resize');
    expect(shownBy(events.slice(0, at))).toBe('ready\r\n');
    expect(shownBy(events.slice(at))).toBe('50 100\r\n');
  });

  test('P-136 what one socket types is typed in that order', async () => {
    const { id, stream } = await echoing();
    using socket = await openSocket();
    for (let i = 0; i < 40; i++) socket.send({ type: 'input', stream, data: `${i}\n` });
    await socket.ask({ type: 'input', stream, data: '\x04' }, 'accepted');
    const shown = shownBy(await endedTerminal(id));
    expect(shown).toBe(`ready\r\n${Array.from({ length: 40 }, (_, i) => `<${i}>\r\n`).join('')}`);
  });

  test('P-137 one socket at a time has control, and all are told', async () => {
    const { id, stream } = await echoing();
    using one = await openSocket();
    using two = await openSocket();
    const taken = await one.ask({ type: 'control', stream, action: 'take' }, 'control');
    expect(taken).toMatchObject({ mine: true, controller: { key: expect.any(String) as string } });
    expect((await two.refused({ type: 'input', stream, data: 'no\n' })).code).toBe('not-in-control');
    expect((await two.refused({ type: 'control', stream, action: 'take' })).code).toBe('not-in-control');
    expect((await send(id, 'input', { data: 'no\n' })).status).toBe(409);
    await two.ask({ type: 'control', stream, action: 'take', force: true }, 'control');
    expect((await one.refused({ type: 'input', stream, data: 'no\n' })).code).toBe('not-in-control');
    expect(await two.ask({ type: 'control', stream, action: 'release' }, 'control')).toMatchObject({
      controller: null,
      mine: false,
    });
    await one.ask({ type: 'input', stream, data: '\x04' }, 'accepted');
    const events = await endedTerminal(id);
    expect(shownBy(events)).not.toContain('no');
    const told = events.filter(({ type }) => type === 'control');
    const holders = told.map(({ data }) => (data as { controller: unknown }).controller !== null);
    expect(holders).toEqual([true, true, false]);
  });

  test('P-138 a socket types, resizes and signals, if its key may execute', async () => {
    const { id, stream } = await echoing();
    using socket = await openSocket();
    await socket.ask({ type: 'input', stream, data: 'hi\n' }, 'accepted');
    await socket.ask({ type: 'resize', stream, columns: 90, rows: 30 }, 'accepted');
    const { key } = await makeKey({ scopes: ['streams:read', 'projects:read'] });
    using watcher = await openSocket(key);
    await watcher.ask({ type: 'subscribe', stream, after: 'start' }, 'subscribed');
    for (const message of [
      { type: 'input', stream, data: 'x' },
      { type: 'resize', stream, columns: 9, rows: 9 },
      { type: 'signal', stream, name: 'SIGTERM' },
    ]) {
      expect((await watcher.refused(message)).code).toBe('forbidden');
    }
    await terminalShows(id, '<hi>');
    await socket.ask({ type: 'signal', stream, name: 'SIGKILL' }, 'accepted');
    await ask(commandPath(id), { method: 'DELETE' });
    await watcher.next('end');
  });

  test('P-139 the screen is what the terminal shows, and does not change with who asks', async () => {
    const { id } = await echoing();
    await send(id, 'input', { data: 'first\n' });
    await terminalShows(id, '<first>');
    const read = async (): Promise<ScreenSnapshot> =>
      (await ask(commandPath(id, '/screen'))).json<{ data: ScreenSnapshot }>().data;
    // It is drawn a little behind the stream.
    await until(async () => (await read()).screen.includes('<first>'), 'the screen');
    const [one, two] = [await read(), await read()];
    expect(one).toEqual(two);
    expect(one).toMatchObject({
      columns: 80,
      rows: 24,
      alternate: false,
      cursor: { column: 0, visible: true },
    });
    expect(one.screen).toContain('ready');
    await send(id, 'input', { data: '\x04' });
    const events = await endedTerminal(id);
    expect((await read()).screen).toContain('<first>');
    expect(events.map(({ position }) => position)).toContain(one.position);
  });

  test('P-140 screen as a beginning sends a snapshot, then what follows it', async () => {
    const { id, stream } = await echoing();
    await send(id, 'input', { data: 'before\n' });
    await terminalShows(id, '<before>');
    using socket = await openSocket();
    await socket.ask({ type: 'subscribe', stream, after: 'screen' }, 'subscribed');
    const snapshot = await socket.next('snapshot');
    const kinds = socket.messages.filter(({ type }) => type === 'receipt' || type === 'snapshot');
    expect(kinds.map(({ type }) => type)).toEqual(['receipt', 'snapshot']);
    await send(id, 'input', { data: 'after\n' });
    await send(id, 'input', { data: '\x04' });
    await socket.next('end');
    const live = socket.binary.map((frame) => frame.subarray(2 + frame.readUInt16BE(0)));
    const all = `${snapshot.screen}${Buffer.concat(live).toString()}`;
    for (const text of ['ready', '<before>', '<after>']) expect(all.split(text)).toHaveLength(2);
    using late = await openSocket();
    await late.ask({ type: 'subscribe', stream, after: 'screen' }, 'subscribed');
    expect((await late.next('snapshot')).screen).toContain('<after>');
    expect(await late.next('end')).toMatchObject({ reason: 'finished' });
  });
});
