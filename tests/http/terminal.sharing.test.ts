import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ScreenSnapshot } from '../../packages/protocol/src/index.ts';
import { createEmulator } from '../../packages/server/src/producers/commands/emulator.ts';
import { makeKey } from '../support/keys.ts';
import { type Envelope, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { openSocket, type SocketClient } from '../support/socket.ts';
import { start } from '../support/commands.ts';
import { outputOf, startTerminal, terminalOf } from '../support/terminal.ts';
import { until } from '../support/within.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const ECHO = 'stty -echo; while read -r line; do echo "<$line>"; done';

/** The bytes that a socket was sent of a terminal. */
function shown(client: SocketClient): string {
  const pieces = client.binary.map((frame) => frame.subarray(2 + frame.readUInt16BE(0)));
  return Buffer.concat(pieces).toString();
}

function shows(client: SocketClient, text: string): Promise<void> {
  return until(() => shown(client).includes(text), `a viewer to be shown ${text}`);
}

async function screenOf(id: string, key?: string): Promise<ScreenSnapshot> {
  const answer = await request(
    server,
    `/projects/my-project/commands/${id}/screen`,
    key === undefined ? {} : { key },
  );
  expect(answer.status).toBe(200);
  return answer.json<Envelope<ScreenSnapshot>>().data;
}

/** What an emulator of the usual size draws that was fed so. */
async function emulate(...pieces: readonly Uint8Array[]): Promise<string> {
  using emulator = createEmulator({ columns: 80, rows: 24 });
  for (const piece of pieces) await emulator.write(piece);
  return emulator.snapshot().screen;
}

describe('several viewers', () => {
  test('D-14 P-137 two see the same bytes; the one with control types, the other is refused', async () => {
    const { stream, ended } = await startTerminal(server, ECHO);
    using one = await openSocket(server);
    using two = await openSocket(server);
    for (const viewer of [one, two]) viewer.send({ type: 'subscribe', stream, after: 'start' });
    one.send({ type: 'control', id: 'c1', stream, action: 'take' });
    const taken = await one.next('control');
    expect(taken).toMatchObject({ id: 'c1', stream, mine: true, controller: { key: expect.any(String) } });
    // Everybody is told, on the stream.
    const told = await two.next('events', ({ events }) => events.some(({ type }) => type === 'control'));
    expect(told.events.find(({ type }) => type === 'control')?.data).toEqual({
      controller: taken.controller,
    });

    two.send({ type: 'input', id: 'i1', stream, data: 'no\n' });
    expect(await two.next('problem')).toMatchObject({
      id: 'i1',
      problem: { code: 'not-in-control', controller: taken.controller },
    });
    two.send({ type: 'resize', id: 'r1', stream, columns: 10, rows: 10 });
    two.send({ type: 'signal', id: 's1', stream, name: 'SIGKILL' });
    await two.next('problem', ({ id }) => id === 'r1');
    await two.next('problem', ({ id }) => id === 's1');
    one.send({
      type: 'input',
      id: 'i2',
      stream,
      data: Buffer.from('yes\n').toString('base64'),
      encoding: 'base64',
    });
    await one.next('accepted', ({ id }) => id === 'i2');
    await Promise.all([shows(one, '<yes>'), shows(two, '<yes>')]);
    one.send({ type: 'input', stream, data: '\x04' });
    await Promise.all([one.next('end'), two.next('end')]);
    expect(shown(one)).toBe(shown(two));
    expect(shown(one)).not.toContain('no');
    expect(outputOf(await ended()).toString()).toBe(shown(one));
  });

  test('D-14 P-137 control is handed over: released, taken by force, and free again when its holder leaves', async () => {
    const { stream, post, events } = await startTerminal(server, ECHO);
    using one = await openSocket(server);
    const two = await openSocket(server);
    one.send({ type: 'control', id: '1', stream, action: 'take' });
    await one.next('control', ({ id }) => id === '1');
    two.send({ type: 'control', id: '2', stream, action: 'take' });
    expect((await two.next('problem')).problem.code).toBe('not-in-control');
    one.send({ type: 'control', id: '3', stream, action: 'release' });
    expect(await one.next('control', ({ id }) => id === '3')).toMatchObject({
      controller: null,
      mine: false,
    });
    two.send({ type: 'control', id: '4', stream, action: 'take' });
    await two.next('control', ({ id }) => id === '4');
    one.send({ type: 'control', id: '5', stream, action: 'take', force: true });
    expect(await one.next('control', ({ id }) => id === '5')).toMatchObject({ mine: true });
    two.send({ type: 'input', id: '6', stream, data: 'x' });
    await two.next('problem', ({ id }) => id === '6');
    // A program's request has no connection, so it has no control either.
    expect((await post('input', { data: 'x' })).status).toBe(409);
    two.send({ type: 'control', id: '7', stream, action: 'take', force: true });
    await two.next('control', ({ id }) => id === '7');
    two[Symbol.dispose]();
    await until(async () => (await post('input', { data: '\x04' })).status === 204, 'control to be free');
    const holders = async (): Promise<boolean[]> => {
      const told = (await events()).filter(({ type }) => type === 'control');
      return told.map(({ data }) => (data as { controller: unknown }).controller !== null);
    };
    // It is free at once, and told to be when that is committed.
    await until(async () => (await holders()).length === 6, 'the last change to be told');
    expect(await holders()).toEqual([true, false, true, true, true, false]);
  });

  test('D-14 P-138 resizing, signals and conflicts over the socket', async () => {
    const { stream } = await startTerminal(
      server,
      'trap "stty size" WINCH; echo ready; while :; do sleep 0.01; done',
    );
    using client = await openSocket(server);
    client.send({ type: 'subscribe', stream, after: 'start' });
    await shows(client, 'ready');
    client.send({ type: 'resize', id: 'r0', stream, columns: 0, rows: 0 });
    expect((await client.next('problem', ({ id }) => id === 'r0')).problem.code).toBe('invalid-request');
    client.send({ type: 'resize', id: 'r1', stream, columns: 120, rows: 33 });
    await client.next('accepted', ({ id }) => id === 'r1');
    await shows(client, '33 120');
    client.send({ type: 'signal', id: 's1', stream, name: 'SIGTERM' });
    await client.next('accepted', ({ id }) => id === 's1');
    await client.next('end');
    client.send({ type: 'input', id: 'i1', stream, data: 'late' });
    expect((await client.next('problem', ({ id }) => id === 'i1')).problem).toMatchObject({
      code: 'conflict',
      status: 409,
    });
    client.send({ type: 'input', id: 'i2', stream: 'commands/none/pty', data: 'x' });
    expect((await client.next('problem', ({ id }) => id === 'i2')).problem.code).toBe('stream-not-found');
  });

  test('P-60 P-138 another tenant sees no terminal, and a reader may not type', async () => {
    const { stream, id, post } = await startTerminal(server, ECHO);
    const foreign = await makeKey(server, { scopes: ['projects:read', 'streams:write'], tenant: 'other' });
    const reader = await makeKey(server, { scopes: ['streams:read'] });
    using stranger = await openSocket(server, foreign);
    using viewer = await openSocket(server, reader);
    stranger.send({ type: 'subscribe', id: 's', stream, after: 'screen' });
    expect((await stranger.next('problem')).problem.code).toBe('stream-not-found');
    expect(
      (await request(server, `/projects/my-project/commands/${id}/screen`, { key: foreign })).status,
    ).toBe(404);
    for (const message of [
      { type: 'input', data: 'x' },
      { type: 'control', action: 'take' },
    ]) {
      viewer.send({ ...message, id: message.type, stream });
      expect((await viewer.next('problem', (problem) => problem.id === message.type)).problem.code).toBe(
        'forbidden',
      );
    }
    viewer.send({ type: 'subscribe', stream, after: 'screen' });
    await viewer.next('snapshot');
    await post('input', { data: '\x04' });
    await viewer.next('end');
  });
});

describe('the screen', () => {
  test('F11 P-139 a full-screen program is shown as it stands', async () => {
    const script = [
      `printf 'before\\r\\n'`,
      `printf '\\033[?1049h\\033[2J\\033[1;1H\\033[7mTITLE\\033[0m\\033[24;1H:\\033]0;a page\\007'`,
      'read line',
      `printf '\\033[?1049l'`,
    ].join('; ');
    const { id, shows: showing, post, ended } = await startTerminal(server, script);
    await showing('a page');
    const screen = await screenOf(id);
    expect(screen).toMatchObject({ columns: 80, rows: 24, title: 'a page', alternate: true });
    expect(screen.cursor).toEqual({ column: 1, row: 23, visible: true });
    expect(screen.screen).toContain('TITLE');
    expect(await emulate(Buffer.from(screen.screen))).toBe(screen.screen);
    await post('input', { data: '\r' });
    const events = await ended();
    const after = await screenOf(id);
    // The lines that were put away are there again, after the end too.
    expect(after.alternate).toBe(false);
    expect(after.screen).toContain('before');
    expect(after.screen).not.toContain('TITLE');
    expect(after.position).toBe(events.at(-1)?.position);
  });

  test('F11 P-140 a viewer that comes late gets the screen, then exactly what follows', async () => {
    const {
      stream,
      shows: showing,
      post,
      ended,
    } = await startTerminal(
      server,
      `seq 1 500; stty -echo; read line; printf '\\033[2;5Hmiddle'; seq 1 3; read line`,
    );
    await showing('500');
    using late = await openSocket(server);
    late.send({ type: 'subscribe', id: 's', stream, after: 'screen' });
    const snapshot = await late.next('snapshot');
    const receipt = await late.next('receipt');
    expect(receipt).toMatchObject({ requested: snapshot.position, from: snapshot.position, gap: false });
    expect(late.messages.indexOf(receipt)).toBeLessThan(late.messages.indexOf(snapshot));
    await post('input', { data: '\r' });
    await shows(late, '3\r\n');
    await post('input', { data: '\r' });
    await late.next('end');
    const whole = await emulate(outputOf(await ended()));
    const pending = Buffer.from(snapshot.pending, 'base64');
    expect(await emulate(Buffer.from(snapshot.screen), pending, Buffer.from(shown(late)))).toBe(whole);
    expect(shown(late)).not.toContain('499');
  });

  test('F11 P-140 of a terminal that has ended the screen comes, then the end', async () => {
    const { stream, ended } = await startTerminal(server, 'echo done');
    await ended();
    using late = await openSocket(server);
    late.send({ type: 'subscribe', stream, after: 'screen' });
    expect((await late.next('snapshot')).screen).toContain('done');
    expect((await late.next('end')).reason).toBe('finished');
  });

  test('F11 P-139 many ask at once, of more terminals than are kept', async () => {
    const terminals = await Promise.all(
      Array.from({ length: 10 }, (_, i) => startTerminal(server, `echo number ${i}`)),
    );
    await Promise.all(terminals.map((terminal) => terminal.ended()));
    for (const [i, { id }] of terminals.entries()) {
      const [one, two] = await Promise.all([screenOf(id), screenOf(id)]);
      expect(one.screen).toContain(`number ${i}`);
      expect(two).toEqual(one);
    }
  });

  test('P-139 a command without a terminal has no screen', async () => {
    const id = await start(server, 'true');
    expect((await request(server, `/projects/my-project/commands/${id}/screen`)).status).toBe(409);
    const unknown = terminalOf(server, 'unknown');
    expect((await request(server, `/projects/my-project/commands/${unknown.id}/screen`)).status).toBe(404);
  });
});
