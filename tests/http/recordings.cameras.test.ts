import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cameras, childrenOf, makeCamera, sendFrame } from '../support/cameras.ts';
import { isJpeg } from '../support/frames.ts';
import { encoded, JPEGS, padded } from '../support/jpegs.ts';
import { makeKey } from '../support/keys.ts';
import { findFfmpeg } from '../support/optional.ts';
import type { RecordingView } from '../support/recordings.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { expectProblem, readPage } from '../support/streams.ts';
import { picturesOfFile, readVideoFile } from '../support/video-file.ts';
import { until } from '../support/within.ts';

const ffmpeg = findFfmpeg();
const env = {
  PLAYHEAD_RECORDING_FPS: '20',
  PLAYHEAD_RECORDING_STILL_MS: '200',
  PLAYHEAD_FRAME_LINGER_MS: '100',
};

let server: TestServer;
beforeAll(async () => {
  server = await startServer({ env });
});
afterAll(() => server?.stop());

const view = async (id: string): Promise<RecordingView> =>
  (await cameras(server, 'GET', `/${id}/recording`)).json<RecordingView>();

/** What was shown at a time: its bytes, or why nothing was. */
async function at(id: string, time: number): Promise<Buffer | string> {
  const answer = await cameras(server, 'GET', `/${encodeURIComponent(id)}/recording?at=${time}`);
  if (answer.status === 200) return answer.bytes;
  const { reason, gap } = answer.json<{ reason: string; gap?: { reason: string } }>();
  return gap === undefined ? reason : `${reason}:${gap.reason}`;
}

/** Pushes a picture until it is recorded; a time at which it was shown. */
async function shows(id: string, jpeg: Buffer): Promise<number> {
  const sent = await sendFrame(server, { camera_id: id, frame: encoded(jpeg) });
  expect(sent.status).toBe(200);
  let time = 0;
  await until(async () => {
    time = Date.now();
    const shown = await at(id, time);
    return typeof shown !== 'string' && shown.equals(jpeg);
  }, 'the picture in the recording');
  return time;
}

/** Types of what was recorded, in order. */
async function types(id: string): Promise<string[]> {
  const { events } = await readPage(server, `cameras/${id}/recording`, '?after=start&limit=10000');
  return events.map(({ type }) => type);
}

describe('recordings of cameras', () => {
  test('P-562 P-563 P-564 the very bytes that were pushed, and a gap where none were', async () => {
    await makeCamera(server, { id: 'door', recording: true });
    const before = Date.now();
    const red = await shows('door', JPEGS.red);
    const green = await shows('door', JPEGS.green);
    expect([await at('door', red), await at('door', green)]).toEqual([JPEGS.red, JPEGS.green]);
    // Nothing more is pushed: from the last one on nothing is known.
    await until(async () => (await types('door')).includes('gap'), 'a gap');
    expect(await at('door', Date.now())).toBe('gap:no-pictures');
    const blue = await shows('door', JPEGS.blue);
    expect([await at('door', red), await at('door', green), await at('door', blue)]).toEqual([
      JPEGS.red,
      JPEGS.green,
      JPEGS.blue,
    ]);
    const { gaps } = await view('door');
    expect(gaps).toContainEqual({ from: expect.any(String), to: expect.any(String), reason: 'no-pictures' });
    expect(await at('door', before - 60_000)).toBe('before');
  });

  test('P-562 a clock that goes wrong changes nothing', async () => {
    await makeCamera(server, { id: 'Tür 1', recording: true });
    let time = Date.now() - 86_400_000;
    const push = (jpeg: Buffer): Promise<unknown> =>
      sendFrame(server, { camera_id: 'Tür 1', frame: encoded(jpeg), timestamp: time++ });
    const seen: number[] = [];
    for (const jpeg of [JPEGS.red, JPEGS.green, JPEGS.blue]) {
      await push(jpeg);
      await until(async () => {
        seen.push(Date.now());
        const shown = await at('Tür 1', seen.at(-1) ?? 0);
        return typeof shown !== 'string' && shown.equals(jpeg);
      }, 'the picture in the recording');
      seen.splice(0, seen.length, ...seen.slice(-1));
    }
    expect(await types('T~c3~bcr~201')).toEqual(expect.arrayContaining(['begin', 'frame', 'frame', 'frame']));
  });

  test('P-565 P-569 whoever may write cameras switches it, and reading takes a key also where watching takes none', async () => {
    const reading = await makeKey(server, { scopes: ['cameras:read'] });
    const stranger = await makeKey(server, {
      scopes: ['cameras:read', 'cameras:write'],
      tenant: 'strangers',
    });
    const path = '/demo/recording';
    for (const [key, get, post] of [
      [null, 401, 401],
      [reading, 404, 403],
      [stranger, 404, 404],
    ] as const) {
      expect((await cameras(server, 'GET', path, undefined, key)).status).toBe(get);
      expect((await cameras(server, 'GET', `${path}.webm`, undefined, key)).status).toBe(get);
      expect((await cameras(server, 'POST', path, {}, key)).status).toBe(post);
      expect((await cameras(server, 'DELETE', path, undefined, key)).status).toBe(post);
    }
    for (const body of [{ fps: 0 }, { fps: 61 }, { fps: 'fast' }, [], 'x'])
      expect((await cameras(server, 'POST', path, body)).status).toBe(400);
    expect((await cameras(server, 'GET', path)).json()).toMatchObject({ reason: 'not-recorded' });
    expect((await cameras(server, 'POST', path, { fps: 15 })).json()).toMatchObject({
      recording: true,
      fps: 15,
    });
    await until(async () => typeof (await at('demo', Date.now())) !== 'string', 'a picture');
    expect((await cameras(server, 'GET', `${path}?at=${Date.now()}`, undefined, reading)).status).toBe(200);
    expect((await cameras(server, 'GET', `${path}?at=${Date.now()}`, undefined, null)).status).toBe(401);
    expect((await cameras(server, 'DELETE', path)).status).toBe(204);
    expect(await at('demo', Date.now())).toBe('gap:off');
    // Nobody wants its frames any more.
    await until(async () => (await childrenOf(server.pid)).length === 0, 'the source to be closed');
    expect((await cameras(server, 'DELETE', `${path}?erase=true`)).status).toBe(204);
    expect((await cameras(server, 'GET', path)).json()).toMatchObject({ reason: 'not-recorded' });
    expectProblem(await cameras(server, 'GET', '/none/recording'), 404, 'not-found');
  });

  test('P-565 a camera is recorded on after the server was killed, with a gap between', async () => {
    await using other = await startServer({ env });
    await makeCamera(other, {
      id: 'hall',
      url: 'pattern:testsrc2?width=320&height=240&fps=15',
      recording: { fps: 15 },
    });
    const ask = (query: string): ReturnType<typeof cameras> =>
      cameras(other, 'GET', `/hall/recording${query}`);
    let last = 0;
    await until(async () => {
      const { status, headers } = await ask(`?at=${Date.now()}`);
      last = Number(headers['x-frame-timestamp']);
      return status === 200;
    }, 'a picture');
    const [child] = await childrenOf(other.pid);
    await other.kill('SIGKILL');
    const down = Date.now();
    await other.restart();
    expect(child).toBeGreaterThan(0);
    await until(async () => (await ask(`?at=${Date.now()}`)).status === 200, 'a picture after the restart');
    expect((await ask(`?at=${last}`)).status).toBe(200);
    expect((await ask(`?at=${down}`)).json()).toMatchObject({ reason: 'gap', gap: { reason: 'lost' } });
    // The next time it says so itself.
    await other.kill('SIGTERM');
    await other.restart();
    await until(async () => (await ask(`?at=${Date.now()}`)).status === 200, 'a picture after the second');
    const { gaps } = (await ask('')).json<RecordingView>();
    expect(gaps.map(({ reason }) => reason).filter((reason) => reason !== 'starting')).toEqual([
      'lost',
      'stopped',
    ]);
    // A camera that is deleted takes what was recorded with it.
    expect((await cameras(other, 'DELETE', '/hall')).status).toBe(204);
    expect((await ask('')).status).toBe(404);
    const left = (await request(other, '/v1/streams?prefix=cameras/hall/')).json<{ streams: unknown[] }>();
    expect(left.streams).toEqual([]);
  });

  test.skipIf(ffmpeg.missing)(
    'P-567 P-568 every picture that was recorded is in the video, at its time',
    async () => {
      await makeCamera(server, {
        id: 'yard',
        url: 'pattern:testsrc2?width=320&height=240&fps=10',
        recording: { fps: 10 },
      });
      await until(
        async () => (await types('yard')).filter((type) => type === 'frame').length > 20,
        'twenty pictures',
      );
      await cameras(server, 'DELETE', '/yard/recording');
      const recorded = (await types('yard')).filter((type) => type === 'frame').length;
      const about = await view('yard');
      for (const format of ['webm', 'mp4']) {
        const answer = await cameras(server, 'GET', `/yard/recording.${format}`);
        expect(answer.status).toBe(200);
        const shown = readVideoFile(answer.bytes);
        expect([shown.width, shown.height, shown.times.length], format).toEqual([320, 240, recorded]);
        const whole = Date.parse(about.to) - Date.parse(String(answer.headers['x-recording-from']));
        expect(shown.times.at(-1)).toBeLessThanOrEqual(whole + 1);
        expect(shown.times.at(-1)).toBeGreaterThan(whole - 1000);
        expect(shown.times).toEqual([...shown.times].sort((a, b) => a - b));
        // Each decodes.
        expect(await picturesOfFile(answer.bytes)).toHaveLength(recorded);
        expect((await cameras(server, 'HEAD', `/yard/recording.${format}`)).status).toBe(200);
      }
    },
  );

  test('P-568 as many videos as are allowed are made at once, and who leaves makes room', async () => {
    await using small = await startServer({ env: { ...env, PLAYHEAD_RECORDING_EXPORTS: '1' } });
    await makeCamera(small, {
      id: 'gate',
      url: 'pattern:testsrc2?width=1280&height=720&fps=20',
      recording: true,
    });
    await until(
      async () => (await cameras(small, 'GET', `/gate/recording?at=${Date.now()}`)).status === 200,
      'a picture',
    );
    await cameras(small, 'DELETE', '/gate/recording');
    await until(async () => (await childrenOf(small.pid)).length === 0, 'the source to be closed');
    const leaving = new AbortController();
    const url = `${small.url}/v1/cameras/gate/recording.webm`;
    const first = fetch(url, { headers: { 'x-api-key': small.key }, signal: leaving.signal });
    await until(async () => (await childrenOf(small.pid)).length > 0, 'the first video to be made');
    leaving.abort();
    await expect(first.then((answer) => answer.arrayBuffer())).rejects.toThrow();
    await until(async () => (await childrenOf(small.pid)).length === 0, 'the work to end');
    const [one, two] = await Promise.all(
      [1, 2].map(() => request(small, '/v1/cameras/gate/recording.mp4').then(({ status }) => status)),
    );
    expect([one, two].sort()).toEqual([200, 503]);
  });

  test('P-561 what is recorded stays within its bounds, and what went is told', async () => {
    await using small = await startServer({ env: { ...env, PLAYHEAD_RECORDING_BYTES: '262144' } });
    await makeCamera(small, { id: 'well', recording: true });
    const first = Date.now();
    const { red, green } = JPEGS;
    let sent = 0;
    await until(async () => {
      const frame = encoded(padded(sent++ % 2 === 0 ? red : green, 60_000));
      await sendFrame(small, { camera_id: 'well', frame });
      const answer = await cameras(small, 'GET', `/well/recording?at=${first + 500}`);
      return answer.status === 404 && answer.json<{ reason: string }>().reason === 'trimmed';
    }, 'the first pictures to be trimmed');
    const about = (await cameras(small, 'GET', '/well/recording')).json<{ bytes: number }>();
    expect(about.bytes).toBeLessThan(1024 * 1024);
    const newest = await cameras(small, 'GET', `/well/recording?at=${Date.now()}`);
    expect(isJpeg(newest.bytes)).toBe(true);
  });
});
