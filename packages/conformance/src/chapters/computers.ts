import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../ask.ts';
import { act, type ActionResult, type Computer, computers, makeComputer } from '../computers.ts';
import { jsonOf, openEvents } from '../event-reader.ts';
import { freshTenant, makeKey } from '../keys.ts';
import { openPath } from '../socket.ts';
import { readAll } from '../streams.ts';
import { target } from '../target.ts';

interface Event {
  readonly type: string;
  readonly computer_id: string;
  readonly [member: string]: unknown;
}

// A server needs a browser for these.
describe('16 Computers', () => {
  let shared: (Computer & AsyncDisposable) | undefined;
  beforeAll(async () => {
    shared = await makeComputer();
  });
  afterAll(() => shared?.[Symbol.asyncDispose]());
  const computer = (): Computer => {
    if (shared === undefined) throw new Error('no computer');
    return shared;
  };

  test('P-320 P-321 P-322 P-325 a computer is made, shown, listed and ended, and stays ended', async () => {
    const made = await makeComputer({ max_lifetime_seconds: 600 });
    const path = `/${made.id}`;
    expect(made).toMatchObject({ kind: 'browser', status: 'ready', max_lifetime_seconds: 600 });
    expect((await computers('GET')).text).toContain(made.id);
    const status = (await computers('GET', `${path}/status`)).json<Computer>();
    expect([status.status, 'kind' in status, 'endpoints' in status]).toEqual(['ready', false, false]);
    await act(made.id, { type: 'wait', ms: 0 });
    expect((await computers('GET', path)).json()).toMatchObject({ status: 'running' });
    for (let i = 0; i < 2; i++) expect((await computers('DELETE', path)).status).toBe(204);
    const ended = { status: 'terminated', ended_at: expect.any(String) as string };
    expect((await computers('GET', path)).json()).toMatchObject({
      ...ended,
      ending: expect.anything() as unknown,
    });
    expect((await computers('POST', `${path}/execute`, { type: 'wait', ms: 0 })).status).toBe(404);
    expect((await computers('POST', `${path}/keepalive`)).status).toBe(404);
    const last = (await readAll(`computers/${made.id}`)).at(-1);
    expect(last?.data).toMatchObject({ type: 'session_state', computer_id: made.id });
  });

  test('P-323 keepalive needs no body and puts the end off', async () => {
    const { id } = computer();
    const [one, two] = [
      await computers('POST', `/${id}/keepalive`),
      await computers('POST', `/${id}/keepalive`),
    ];
    expect([one.status, two.status]).toEqual([200, 200]);
    const until = ({ text }: typeof one): string =>
      String((JSON.parse(text) as Record<string, unknown>)['idle_expires_at']);
    expect(until(two) >= until(one)).toBe(true);
  });

  test('P-325 P-326 what is not there, or not served, is an error in its own shape', async () => {
    const { key } = await makeKey({ scopes: ['computers:control'], tenant: freshTenant() });
    const missing = await computers('GET', '/comp_00000000000000000000000000000000');
    const theirs = await computers('GET', `/${computer().id}`, undefined, key);
    for (const answer of [missing, theirs]) {
      expect([answer.status, answer.json()]).toEqual([
        404,
        expect.objectContaining({ status: 'error', error_message: expect.any(String) as string }),
      ]);
    }
    const desktop = await computers('POST', '', { kind: 'desktop' });
    expect([desktop.status, desktop.headers['x-should-retry']]).toEqual([501, 'false']);
  });

  test('P-330 P-331 an action is answered, and only a malformed one is 400', async () => {
    const { id } = computer();
    const request_id = 'mine';
    expect(await act(id, { type: 'wait', ms: 0, request_id })).toMatchObject({
      ...{ status: 'SUCCESS', request_id, executed_tab_id: expect.any(String) as string },
    });
    expect(await act(id, { action: { type: 'wait', ms: 0 } })).toMatchObject({ status: 'SUCCESS' });
    const outside = await act(id, { type: 'click', x: 99_999, y: 1 });
    expect([outside.status, typeof outside.code]).toEqual(['ERROR', 'string']);
    for (const body of [{}, { type: 'wait', ms: 'long' }, []]) {
      expect([body, (await computers('POST', `/${id}/execute`, body)).status]).toEqual([body, 400]);
    }
  });

  test('P-332 actions of a tab are done in the order in which they came', async () => {
    using socket = await openPath(
      `/v1/computers/${computer().id}/ws?token=${encodeURIComponent(target.key)}`,
    );
    for (const [i, ms] of [300, 0, 100, 0].entries()) socket.send({ type: 'wait', ms, request_id: `w${i}` });
    await socket.message('action_result', ({ request_id }) => request_id === 'w3');
    const done = socket.messages.filter(({ type }) => type === 'action_result');
    expect(done.map(({ request_id }) => request_id)).toEqual(['w0', 'w1', 'w2', 'w3']);
  });

  test('P-333 a batch stops at the first error', async () => {
    const actions = [
      { type: 'wait', ms: 0 },
      { type: 'click', x: 99_999, y: 1 },
      { type: 'wait', ms: 0 },
    ];
    const answer = await computers('POST', `/${computer().id}/batch`, { actions });
    const { results, executed, total } = answer.json<{
      results: ActionResult[];
      executed: number;
      total: number;
    }>();
    expect([results.map(({ status }) => status), executed, total]).toEqual([['SUCCESS', 'ERROR'], 2, 3]);
    expect((await computers('POST', `/${computer().id}/batch`, { actions: [{}] })).status).toBe(400);
  });

  test('P-334 tabs are opened, switched and closed, and the last one stays', async () => {
    const { id } = computer();
    const list = async (): Promise<{ tab_id: string }[]> => {
      const { result } = await act(id, { type: 'list_tabs' });
      return result['tabs'] as { tab_id: string }[];
    };
    const [first] = await list();
    const opened = (await computers('POST', `/${id}/tabs`, { url: 'about:blank' })).json<ActionResult>();
    expect(opened.status).toBe('SUCCESS');
    const two = await list();
    expect(two).toHaveLength(2);
    const other = two.find(({ tab_id }) => tab_id !== first?.tab_id)?.tab_id ?? '';
    expect((await computers('POST', `/${id}/tabs/${first?.tab_id}/switch`)).status).toBe(200);
    expect((await act(id, { type: 'wait', ms: 0 })).executed_tab_id).toBe(first?.tab_id);
    expect((await computers('DELETE', `/${id}/tabs/${other}`)).status).toBe(200);
    const last = await computers('DELETE', `/${id}/tabs/${first?.tab_id}`);
    expect(last.json<ActionResult>().status).toBe('ERROR');
    expect(await list()).toHaveLength(1);
  });

  test('P-335 a screenshot is an address of its own, or base64', async () => {
    const { id } = computer();
    const { result } = await act(id, { type: 'screenshot' });
    const { pathname, search } = new URL(String(result['screenshot_url']));
    const picture = await ask(`${pathname}${search}`, { key: null });
    expect([picture.status, picture.headers['content-type']]).toEqual([200, 'image/png']);
    expect(picture.bytes.subarray(1, 4).toString()).toBe('PNG');
    expect((await ask(pathname, { key: null })).status).toBeGreaterThanOrEqual(400);
    const inline = (await act(id, { type: 'screenshot', base64: true })).result['screenshot_base64'];
    expect(Buffer.from(String(inline), 'base64').subarray(1, 4).toString()).toBe('PNG');
  });

  test('P-336 P-337 commands run in its folder, told in lines, for those who may execute', async () => {
    const path = `/${computer().id}/exec`;
    const answer = await computers('POST', path, { command: 'pwd; echo err >&2; exit 3', cwd: '/workspace' });
    expect(answer.status).toBe(200);
    const lines = answer.text.split('\n').filter((line) => line !== '');
    for (const line of lines) expect((Buffer.byteLength(line) + 1) % 64).toBe(0);
    const told = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(told.at(-1)).toMatchObject({ type: 'exit', code: 3 });
    expect(told.map(({ type }) => type)).toEqual(expect.arrayContaining(['stdout', 'stderr']));
    const sync = await computers('POST', `${path}/sync`, { command: 'echo here' });
    expect(sync.json()).toMatchObject({ exit_code: 0, stdout: 'here\n', stderr: '' });
    const { key } = await makeKey({ scopes: ['computers:control'] });
    expect((await computers('POST', path, { command: 'true' }, key)).status).toBe(403);
  });

  test('P-340 P-341 P-344 what happens is told, in order, with positions, and nothing that was typed', async () => {
    const { id } = computer();
    using reader = await openEvents(`/v1/computers/${id}/events?after=start`);
    const request_id = 'told';
    await act(id, { type: 'wait', ms: 0, request_id });
    const about = (type: string) =>
      reader.frame(
        (frame) => frame.event === type && frame.data?.includes(`"${request_id}"`) === true,
        `${type} of the action`,
      );
    const [request, response] = [await about('action_request'), await about('action_response')];
    expect(jsonOf<Event>(response)).toMatchObject({
      computer_id: id,
      duration_ms: expect.any(Number) as number,
    });
    expect((request.id ?? '') < (response.id ?? '')).toBe(true);
    const [first] = reader.events;
    expect([first?.event, first?.id]).toEqual(['session_state', expect.any(String)]);
    using resumed = await openEvents(`/v1/computers/${id}/events`, { lastEventId: request.id ?? '' });
    const again = await resumed.frame(({ id: at }) => at !== undefined, 'an event');
    expect((again.id ?? '') > (request.id ?? '')).toBe(true);
  });

  test('P-342 what was typed is not told', async () => {
    const { id } = computer();
    const secret = `typed-${Math.random().toString(36).slice(2)}`;
    await act(id, { type: 'type', text: secret });
    expect(JSON.stringify(await readAll(`computers/${id}`))).not.toContain(secret);
  });

  test('P-350 P-351 its socket has its events, does actions, and goes on whatever it is sent', async () => {
    const { id } = computer();
    expect((await computers('GET', `/${id}/ws`)).status).toBe(426);
    using socket = await openPath(`/v1/computers/${id}/ws?token=${encodeURIComponent(target.key)}`);
    expect(await socket.message('receipt')).toMatchObject({ viewer: expect.any(String) as string });
    socket.send('nonsense');
    expect(await socket.message('action_result')).toMatchObject({ status: 'ERROR' });
    socket.send({ type: 'ping', mine: 1 });
    expect(await socket.message('pong')).toMatchObject({ mine: 1 });
    socket.send({ type: 'wait', ms: 0, request_id: 'over' });
    const result = await socket.message('action_result', ({ request_id }) => request_id === 'over');
    expect(result).toMatchObject({ status: 'SUCCESS' });
    const told = await socket.message('action_response', ({ request_id }) => request_id === 'over');
    expect(told['position']).toEqual(expect.any(String));
    const { key } = await makeKey({ scopes: ['streams:read'] });
    await expect(openPath(`/v1/computers/${id}/ws?token=${key}`)).rejects.toThrow('refused');
  });

  test('P-353 one socket at a time has control', async () => {
    const { id } = computer();
    using one = await openPath(`/v1/computers/${id}/ws?token=${encodeURIComponent(target.key)}`);
    using two = await openPath(`/v1/computers/${id}/ws?token=${encodeURIComponent(target.key)}`);
    one.send({ type: 'control', action: 'take' });
    expect(await one.message('control_result')).toMatchObject({ mine: true });
    expect(await act(id, { type: 'wait', ms: 0 })).toMatchObject({ status: 'SUCCESS' });
    expect(await act(id, { type: 'type', text: 'x' })).toMatchObject({
      status: 'ERROR',
      code: 'not-in-control',
    });
    two.send({ type: 'control', action: 'take', force: true });
    expect(await two.message('control_result')).toMatchObject({ mine: true });
    two.send({ type: 'control', action: 'release' });
    await two.message('control_result', ({ controller }) => controller === null);
  });

  test('P-354 a socket with a computer of its own gives one reply to each message, in order', async () => {
    using socket = await openPath(`/ephemeral-tzafonwright?token=${encodeURIComponent(target.key)}`);
    for (const message of [
      { action_type: 'set_viewport_size', width: 400, height: 300 },
      { action_type: 'screenshot' },
      { action_type: 'dance' },
    ]) {
      socket.send({ timeout: 20_000, ...message });
    }
    await socket.when(() => (socket.messages.length === 3 ? true : undefined), 'three replies');
    expect(socket.messages.map(({ success }) => success)).toEqual([true, true, false]);
    expect(String(socket.messages[1]?.['image'])).not.toBe('undefined');
  });

  test('P-400 addresses that are closed are not reached', async () => {
    const { status, code } = await act(computer().id, { type: 'go_to_url', url: 'http://169.254.169.254/' });
    expect([status, typeof code]).toEqual(['ERROR', 'string']);
  });

  test('P-401 only an admin opens networks to a key', async () => {
    const { key } = await makeKey({ scopes: ['keys:write', 'computers:control'] });
    const body = {
      name: 'x',
      scopes: ['computers:control'],
      expires_in: '30m',
      allowed_networks: ['10.0.0.0/8'],
    };
    expect((await ask('/keys', { method: 'POST', key, body })).status).toBe(403);
    const made = await ask('/keys', { method: 'POST', body });
    expect([made.status, made.text]).toEqual([201, expect.stringContaining('10.0.0.0/8')]);
  });
});
