import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openComputerSocket, openPath } from '../support/computer-socket.ts';
import {
  act,
  type Computer,
  computers,
  createComputer,
  done,
  startComputerServer,
  titleOf,
} from '../support/computers.ts';
import { makeKey } from '../support/keys.ts';
import { findChromium } from '../support/optional.ts';
import { request } from '../support/request.ts';
import type { TestServer } from '../support/server.ts';
import { page, type Site, startSite } from '../support/site.ts';
import { upgrade } from '../support/upgrade.ts';
import { until } from '../support/within.ts';

const chromium = findChromium();

const LISTENER = `
  const told = [];
  const tell = (text) => { told.push(text); document.title = told.join(' '); };
  addEventListener('mousedown', (event) => tell('mousedown@' + event.clientX + ',' + event.clientY));
  addEventListener('wheel', (event) => tell('wheel' + event.deltaY));
  addEventListener('keydown', (event) => tell('keydown:' + event.key));
  addEventListener('touchstart', (event) => tell('touchstart' + event.touches.length));
`;

describe.skipIf(chromium.missing)('the socket of computers', () => {
  let site: Site;
  let server: TestServer;
  let computer: Computer & AsyncDisposable;
  beforeAll(async () => {
    site = await startSite({
      '/': page('home'),
      '/mouse': page('', '<div style="height:3000px"></div>', LISTENER),
      '/form': page('form', '<input id="text" oninput="document.title = this.value">', 'text.focus()'),
    });
    server = await startComputerServer(site);
    computer = await createComputer(server);
  });
  afterAll(async () => {
    await computer?.[Symbol.asyncDispose]();
    await server?.stop();
    await site?.[Symbol.asyncDispose]();
  });

  test('CO-21 P-350 a token in the URL opens it; a wrong one, none, or an unknown computer is refused as HTTP', async () => {
    using client = await openComputerSocket(server, computer.id);
    expect(await client.message(0)).toMatchObject({ type: 'receipt', requested: null, gap: false });
    for (const prefix of ['/v1/computers', '/computers']) {
      for (const [query, status] of [
        ['', 401],
        ['?token=wrong', 401],
        [`?token=${await makeKey(server, { scopes: ['streams:read'] })}`, 403],
      ] as const)
        expect((await upgrade(server, `${prefix}/${computer.id}/ws${query}`)).status).toBe(status);
      const unknown = `${prefix}/comp_${'0'.repeat(32)}/ws?token=${server.key}`;
      expect((await upgrade(server, unknown)).status).toBe(404);
    }
  });

  test('CO-21 P-350 a plain GET is 426, in JSON', async () => {
    for (const prefix of ['/v1/computers', '/computers']) {
      const answer = await request(server, `${prefix}/${computer.id}/ws`);
      expect(answer.status).toBe(426);
      expect(answer.json()).toMatchObject({ status: 'error', error_message: expect.any(String) });
    }
    expect(server.stderr).not.toContain(server.key);
  });

  test('CO-22 P-350 P-351 actions go in, their results and the events come out', async () => {
    using client = await openComputerSocket(server, computer.id);
    const result = await client.act(
      { type: 'go_to_url', url: `${site.url}/`, include_context: true },
      'mine-1',
    );
    expect(result).toMatchObject({
      status: 'SUCCESS',
      result: { http_status: 200 },
      page_context: { title: 'home' },
      executed_tab_id: expect.any(String),
    });
    await client.next('action_request', ({ request_id }) => request_id === 'mine-1');
    const response = await client.next('action_response', ({ request_id }) => request_id === 'mine-1');
    expect(response).toMatchObject({ computer_id: computer.id, position: expect.any(String) });
    await client.next('navigation');
    client.send({ action: { type: 'wait', ms: 1 }, request_id: 'mine-2' });
    await client.next('action_result', ({ request_id }) => request_id === 'mine-2');
    client.send({ type: 'wait', ms: 1 });
    await client.next('action_result', ({ request_id }) => String(request_id).startsWith('req_'));
    client.send({ type: 'ping', n: 7 });
    expect(await client.next('pong')).toMatchObject({ n: 7 });
    await done(server, computer.id, 'execute', { type: 'wait', ms: 2 });
    await client.next('action_request', ({ action }) => action.ms === 2);
  });

  test('CO-22 P-351 what is wrong with a message is answered, and the socket goes on', async () => {
    using client = await openComputerSocket(server, computer.id);
    for (const [i, message] of [
      '{',
      '[]',
      '"text"',
      {},
      { type: 'fly' },
      { type: 'click', x: 'a' },
    ].entries()) {
      client.send(message);
      await until(
        () => client.messages.filter(({ type }) => type === 'action_result').length === i + 1,
        `an answer to ${JSON.stringify(message)}`,
      );
      expect(client.messages.findLast(({ type }) => type === 'action_result')).toMatchObject({
        status: 'ERROR',
        code: expect.stringMatching(/^invalid-/),
      });
    }
    expect(await client.act({ type: 'click', x: 99_999, y: 1 }, 'outside')).toMatchObject({
      status: 'ERROR',
      code: 'outside-page',
    });
    expect(await client.act({ type: 'wait', ms: 0 }, 'last')).toMatchObject({ status: 'SUCCESS' });
  });

  test('CO-22 P-352 hands: mouse, wheel, keys, text and fingers', async () => {
    await done(server, computer.id, 'navigate', { url: `${site.url}/mouse` });
    using client = await openComputerSocket(server, computer.id);
    const mouse = { type: 'mouse', x: 11, y: 22, button: 'left' };
    client.send({ type: 'input', input: { ...mouse, action: 'down' } });
    client.send({ type: 'input', input: { ...mouse, action: 'up' } });
    client.send({ type: 'input', input: { type: 'wheel', x: 5, y: 5, dx: 0, dy: 30 } });
    client.send({ type: 'input', input: { type: 'key', action: 'down', key: 'a', code: 'KeyA' } });
    client.send({ type: 'input', input: { type: 'key', action: 'up', key: 'a', code: 'KeyA' } });
    client.send({
      type: 'input',
      input: {
        type: 'touch',
        action: 'start',
        points: [
          { id: 1, x: 1, y: 1 },
          { id: 2, x: 9, y: 9 },
        ],
      },
    });
    client.send({ type: 'input', input: { type: 'touch', action: 'end', points: [] } });
    for (const expected of ['mousedown@11,22', 'wheel30', 'keydown:a', 'touchstart'])
      await until(async () => (await titleOf(server, computer.id)).includes(expected), expected);
    await done(server, computer.id, 'navigate', { url: `${site.url}/form` });
    client.send({ type: 'input', input: { type: 'text', text: 'Grüße 世界' } });
    await until(async () => (await titleOf(server, computer.id)) === 'Grüße 世界', 'the text');
    client.send({ type: 'input', request_id: 'bad', input: { type: 'text', text: 'x' }, tab_id: 'tab_99' });
    expect(await client.next('input_result')).toMatchObject({
      request_id: 'bad',
      status: 'ERROR',
      code: 'not-found',
    });
  });

  test('P-353 control: one holder at a time, told to all, handed over, and free when its socket goes', async () => {
    const first = await openComputerSocket(server, computer.id);
    using second = await openComputerSocket(server, computer.id);
    const firstViewer = (await first.next('receipt'))['viewer'];
    const secondViewer = (await second.next('receipt'))['viewer'];
    first.send({ type: 'control', action: 'take', request_id: 'c1' });
    expect(await first.next('control_result')).toMatchObject({
      request_id: 'c1',
      status: 'SUCCESS',
      mine: true,
    });
    expect((await second.next('control'))['controller']).toMatchObject({ viewer: firstViewer });

    expect(await second.act({ type: 'click', x: 1, y: 1 }, 'a1')).toMatchObject({ code: 'not-in-control' });
    expect(await act(server, computer.id, 'click', { x: 1, y: 1 })).toMatchObject({
      status: 'ERROR',
      code: 'not-in-control',
    });
    second.send({ type: 'input', input: { type: 'text', text: 'x' } });
    expect(await second.next('input_result')).toMatchObject({ code: 'not-in-control' });
    // Looking is allowed to all.
    expect(await second.act({ type: 'screenshot', base64: true }, 'a2')).toMatchObject({ status: 'SUCCESS' });
    expect(await first.act({ type: 'click', x: 1, y: 1 }, 'a3')).toMatchObject({ status: 'SUCCESS' });

    second.send({ type: 'control', action: 'take', request_id: 'c2' });
    expect(await second.next('control_result', ({ request_id }) => request_id === 'c2')).toMatchObject({
      status: 'ERROR',
      code: 'not-in-control',
      controller: { viewer: firstViewer },
    });
    second.send({ type: 'control', action: 'take', force: true, request_id: 'c3' });
    await second.next(
      'control_result',
      ({ request_id, status }) => request_id === 'c3' && status === 'SUCCESS',
    );
    await first.next('control', ({ controller }) => controller?.viewer === secondViewer);
    expect(await first.act({ type: 'click', x: 1, y: 1 }, 'a4')).toMatchObject({ code: 'not-in-control' });
    first.send({ type: 'control', action: 'take', force: true, request_id: 'c4' });
    await first.next('control_result', ({ request_id }) => request_id === 'c4');
    first.socket.close();
    await second.next('control', ({ controller }) => controller === null);
    expect(await act(server, computer.id, 'click', { x: 1, y: 1 })).toMatchObject({ status: 'SUCCESS' });
  });

  test('P-350 a key that may only read watches, and can do nothing', async () => {
    const key = await makeKey(server, { scopes: ['computers:read'] });
    using client = await openComputerSocket(server, computer.id, key);
    expect(await client.act({ type: 'wait', ms: 0 }, 'r1')).toMatchObject({
      status: 'ERROR',
      code: 'forbidden',
    });
    client.send({ type: 'control', action: 'take', request_id: 'r2' });
    expect(await client.next('control_result')).toMatchObject({ status: 'ERROR', code: 'forbidden' });
    client.send({ type: 'input', input: { type: 'text', text: 'x' }, request_id: 'r3' });
    expect(await client.next('input_result')).toMatchObject({ code: 'forbidden' });
    await done(server, computer.id, 'execute', { type: 'wait', ms: 3 });
    await client.next('action_request', ({ action }) => action.ms === 3);
  });

  test('D-19 P-337 debug needs projects:execute here, too', async () => {
    const key = await makeKey(server, { scopes: ['computers:control'] });
    using client = await openComputerSocket(server, computer.id, key);
    expect(await client.act({ type: 'debug', command: 'id' }, 'd1')).toMatchObject({
      status: 'ERROR',
      code: 'forbidden',
    });
  });

  test('CO-23 P-350 reconnects behind a position, with nothing lost or repeated', async () => {
    const client = await openComputerSocket(server, computer.id);
    await client.act({ type: 'wait', ms: 4 }, 'w4');
    const seen = await client.next('action_response', ({ request_id }) => request_id === 'w4');
    client.socket.close();
    await client.closed();
    await done(server, computer.id, 'execute', { type: 'wait', ms: 5 });
    using again = await openComputerSocket(server, computer.id, server.key, `&after=${seen['position']}`);
    const next = await again.message(1);
    expect(next).toMatchObject({ type: 'action_request', action: { ms: 5 } });
    expect(await again.message(0)).toMatchObject({ type: 'receipt', requested: seen['position'], missed: 0 });
  });

  test('CO-24 CO-26 P-350 the end of the computer is the last event, then the socket is closed as done', async () => {
    const own = await createComputer(server);
    using client = await openComputerSocket(server, own.id);
    await client.next('receipt');
    await computers(server, 'DELETE', `/${own.id}`);
    expect(await client.closed()).toMatchObject({ code: 1000 });
    expect(client.messages.at(-1)).toMatchObject({ type: 'session_state', status: 'terminated' });
    using late = await openComputerSocket(server, own.id);
    expect(await late.closed()).toMatchObject({ code: 1000 });
    expect(late.messages.map(({ type }) => type)).toEqual(['receipt', 'session_state']);
  });

  test('CO-22 P-354 the oldest client: a computer of its own, one reply for each request, in order', async () => {
    const client = await openPath(server, `/ephemeral-tzafonwright?token=${server.key}`);
    const replies = (): readonly unknown[] => client.messages;
    client.send({ action_type: 'goto', url: `${site.url}/form`, timeout: 20_000 });
    client.send({ action_type: 'set_viewport_size', width: 400, height: 300, timeout: 20_000 });
    client.socket.send(Buffer.from(JSON.stringify({ action_type: 'type', text: 'typed', timeout: 20_000 })));
    client.send({ action_type: 'screenshot', timeout: 20_000 });
    client.send({ action_type: 'click', x: 9999, y: 1, timeout: 20_000 });
    client.send({ action_type: 'dance' });
    await until(() => replies().length === 6, 'six replies');
    expect(replies()).toEqual([
      { success: true },
      { success: true },
      { success: true },
      { success: true, image: expect.stringMatching(/^\/9j\//) },
      { success: false, error_message: expect.any(String) },
      { success: false, error_message: expect.any(String) },
    ]);
    const listed = async (): Promise<number> =>
      (await computers(server, 'GET')).json<Computer[]>().filter(({ id }) => id !== computer.id).length;
    expect(await listed()).toBe(1);
    client.socket.close();
    await until(async () => (await listed()) === 0, 'the end of its computer');
  });
});
