import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { type Computer, computers, createComputer, done, startComputerServer } from '../support/computers.ts';
import { colorOf, isJpeg } from '../support/frames.ts';
import { makeKey } from '../support/keys.ts';
import { findChromium, findFfmpeg } from '../support/optional.ts';
import type { RecordingView } from '../support/recordings.ts';
import { type Answer, request } from '../support/request.ts';
import type { TestServer } from '../support/server.ts';
import { page, type Site, startSite } from '../support/site.ts';
import { picturesOfFile, readVideoFile } from '../support/video-file.ts';
import { until } from '../support/within.ts';

const chromium = findChromium();
const ffmpeg = findFfmpeg();

/** A page in one colour. */
const plain = (title: string, color: string): string =>
  page(title, `<div style="background:${color};height:100vh"></div>`);

describe.skipIf(chromium.missing)('recordings of computers', () => {
  let site: Site;
  let server: TestServer;
  let eyes: Browser;

  beforeAll(async () => {
    site = await startSite({
      '/red': plain('red', '#f00'),
      '/green': plain('green', '#0f0'),
      '/blue': plain('blue', '#00f'),
    });
    const env = { PLAYHEAD_RECORDING_STILL_MS: '200', PLAYHEAD_RECORDING_FPS: '10' };
    [server, eyes] = await Promise.all([startComputerServer(site, { env }), launchChromium(chromium)]);
  });
  afterAll(async () => {
    await server?.stop();
    await eyes?.close();
    await site?.[Symbol.asyncDispose]();
  });

  const recording = (id: string, query: string = '', key?: string | null): Promise<Answer> =>
    computers(server, 'GET', `/${id}/recording${query}`, undefined, key);
  const view = async (id: string): Promise<RecordingView> => (await recording(id)).json<RecordingView>();

  async function colorAt(id: string, time: number): Promise<string> {
    const answer = await recording(id, `?at=${time}`);
    return answer.status === 200 ? colorOf(eyes, answer.bytes) : String(answer.status);
  }

  /** Shows a page until that is recorded; a time at which it was shown. */
  async function shows(computer: Computer, path: string, color: string): Promise<number> {
    await done(server, computer.id, 'navigate', { url: `${site.url}${path}` });
    let time = 0;
    await until(async () => {
      time = Date.now();
      return (await colorAt(computer.id, time)) === color;
    }, `${path} in the recording`);
    // Asked for once more when something stands behind it: the answer is final.
    await until(async () => Date.parse((await view(computer.id)).to) > time, 'a later word of the recording');
    return time;
  }

  test('P-562 P-563 what was shown at a time is one request away, while it runs and when it is over', async () => {
    await using computer = await createComputer(server, { recording: true });
    const before = Date.now() - 60_000;
    const red = await shows(computer, '/red', 'r');
    const green = await shows(computer, '/green', 'g');
    expect(await view(computer.id)).toMatchObject({ recording: true, fps: 10, closed: false });
    const times = [
      [red, 'r'],
      [green, 'g'],
    ] as const;
    for (const [time, color] of times) expect(await colorAt(computer.id, time)).toBe(color);
    const answer = await recording(computer.id, `?at=${new Date(red).toISOString()}`);
    expect(isJpeg(answer.bytes)).toBe(true);
    expect(answer.headers).toMatchObject({
      'content-type': 'image/jpeg',
      'cache-control': 'private, max-age=3600, immutable',
      'x-frame-size': '1280x720',
    });
    expect(Number(answer.headers['x-frame-timestamp'])).toBeLessThanOrEqual(red);
    expect((await recording(computer.id, `?at=${before}`)).json()).toMatchObject({ reason: 'before' });

    await computers(server, 'DELETE', `/${computer.id}`);
    const over = await view(computer.id);
    expect(over).toMatchObject({ recording: false, closed: true, gaps: expect.arrayContaining([]) });
    expect(over.gaps.at(-1)).toMatchObject({ to: null, reason: 'over' });
    for (const [time, color] of times) expect(await colorAt(computer.id, time)).toBe(color);
    const after = await recording(computer.id, `?at=${Date.now()}`);
    expect(after.status).toBe(404);
    expect(after.json()).toMatchObject({ reason: 'gap', gap: { reason: 'over', to: null } });
  });

  test.skipIf(ffmpeg.missing)('P-567 P-568 as a video: what was shown, as long as it was', async () => {
    await using computer = await createComputer(server, { recording: { fps: 20 } });
    const red = await shows(computer, '/red', 'r');
    const blue = await shows(computer, '/blue', 'b');
    const green = await shows(computer, '/green', 'g');
    for (const [format, codecs] of [
      ['webm', ['vp8', 'vp9']],
      ['mp4', ['h264', 'mpeg4']],
    ] as const) {
      const answer = await recording(computer.id, `.${format}?from=${red}&to=${green}`);
      expect([answer.status, answer.status === 200 ? '' : answer.text], format).toEqual([200, '']);
      expect(answer.headers).toMatchObject({
        'content-type': `video/${format}`,
        'x-recording-from': new Date(red).toISOString(),
        'x-recording-to': new Date(green).toISOString(),
      });
      const { codec, times, ...size } = readVideoFile(answer.bytes);
      expect(codecs).toContain(codec);
      expect(size).toEqual({ width: 1280, height: 720 });
      // Each picture at its time, from the first instant that was asked for to the last.
      expect(times.at(-1)).toBeLessThanOrEqual(green - red);
      const pictures = await picturesOfFile(answer.bytes);
      expect(pictures).toHaveLength(times.length);
      const colors = await Promise.all(pictures.map((picture) => colorOf(eyes, picture)));
      const shown = (time: number): string | undefined =>
        colors[times.findLastIndex((each) => each <= time - red + 1)];
      expect([shown(red), shown(blue), shown(green)]).toEqual(['r', 'b', 'g']);
    }
  });

  test('P-567 P-568 what cannot be shown is told, and why', async () => {
    await using computer = await createComputer(server);
    const path = `/v1/computers/${computer.id}/recording`;
    for (const each of [path, `${path}?at=${Date.now()}`, `${path}.webm`, `${path}.mp4`])
      expect((await recording(computer.id, each.slice(path.length))).json()).toMatchObject({
        reason: 'not-recorded',
      });
    expect((await computers(server, 'POST', `/${computer.id}/recording`)).status).toBe(200);
    const red = await shows(computer, '/red', 'r');
    for (const query of ['?from=5&to=4', '?from=yesterday', '?to=', '?from=-1', '?from=2026-01-01T00:00'])
      expect((await recording(computer.id, `.webm${query}`)).status, query).toBe(400);
    for (const query of ['?at=', '?at=now', '?at=1e3', '?at=9999999999999999'])
      expect((await recording(computer.id, query)).status, query).toBe(400);
    const none = await recording(computer.id, `.mp4?from=0&to=${red - 3_600_000}`);
    expect([none.status, none.json()]).toMatchObject([404, { reason: 'not-recorded' }]);
  });

  test('P-569 a recorder keeps no computer alive', async () => {
    for (const PLAYHEAD_COMPUTER_WATCHING_RENEWS of ['0', '1']) {
      const env = { PLAYHEAD_COMPUTER_IDLE_MS: '1500', PLAYHEAD_COMPUTER_WATCHING_RENEWS };
      await using own = await startComputerServer(site, { env });
      const { id } = await createComputer(own, { recording: true });
      await until(async () => {
        const { status, ending } = (await computers(own, 'GET', `/${id}`)).json<Computer>();
        return status === 'terminated' && (ending as { kind?: string } | undefined)?.kind === 'expired';
      }, 'the computer to expire');
      await until(
        async () => (await computers(own, 'GET', `/${id}/recording`)).json<RecordingView>().closed,
        'the recording to be closed',
      );
    }
  });

  test('P-565 what a server that was killed recorded ends with a gap, and is there when it is back', async () => {
    await using own = await startComputerServer(site);
    const { id } = await createComputer(own, { recording: { fps: 10 } });
    await done(own, id, 'navigate', { url: `${site.url}/red` });
    const at = (time: number): Promise<Answer> => computers(own, 'GET', `/${id}/recording?at=${time}`);
    let shown = 0;
    await until(async () => {
      const answer = await at(Date.now());
      shown = Number(answer.headers['x-frame-timestamp']);
      return answer.status === 200 && (await colorOf(eyes, answer.bytes)) === 'r';
    }, 'the page in the recording');
    await own.kill('SIGKILL');
    const killed = Date.now();
    await own.restart();
    await until(
      async () => (await computers(own, 'GET', `/${id}/recording`)).json<RecordingView>().closed,
      'the recording to be closed',
    );
    expect(await colorOf(eyes, (await at(shown)).bytes)).toBe('r');
    expect((await at(killed)).json()).toMatchObject({ reason: 'gap', gap: { to: null, reason: 'lost' } });
    expect((await computers(own, 'POST', `/${id}/recording`)).status).toBe(404);
    expect((await computers(own, 'DELETE', `/${id}/recording`)).status).toBe(204);
    expect((await computers(own, 'DELETE', `/${id}/recording?erase=true`)).status).toBe(204);
    expect((await at(shown)).json()).toMatchObject({ reason: 'not-recorded' });
  });

  test('P-569 keys of the tenant with the scope alone', async () => {
    await using computer = await createComputer(server, { recording: true });
    const reading = await makeKey(server, { scopes: ['computers:read'] });
    const others = await makeKey(server, { scopes: ['cameras:read', 'streams:read'] });
    const stranger = await makeKey(server, { scopes: ['computers:control'], tenant: 'strangers' });
    const path = `/${computer.id}/recording`;
    for (const [key, get, post] of [
      [null, 401, 401],
      [others, 403, 403],
      [stranger, 404, 404],
      [reading, 200, 403],
    ] as const) {
      for (const prefix of ['/v1/computers', '/computers']) {
        const headers = key === null ? {} : { authorization: `Bearer ${key}` };
        const ask = (method: string): Promise<Answer> =>
          request(server, prefix + path, { method, key: null, headers });
        expect([(await ask('GET')).status, (await ask('POST')).status], prefix).toEqual([get, post]);
        expect((await ask('DELETE')).status).toBe(post);
      }
    }
    for (const body of [{ recording: 'yes' }, { recording: { fps: 0 } }, { recording: { fps: 100 } }])
      expect((await computers(server, 'POST', '', body)).status).toBe(400);
  });
});
