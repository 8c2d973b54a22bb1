import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Answer, begin } from '../ask.ts';
import { act, type Computer, computers, makeComputer } from '../computers.ts';
import { openEvents } from '../event-reader.ts';
import { makeKey } from '../keys.ts';
import { openPath, openSocket } from '../socket.ts';
import { streamPath } from '../streams.ts';
import { target } from '../target.ts';
import { until, within } from '../within.ts';

interface Head {
  readonly number: number;
  readonly time: number;
  readonly width: number;
  readonly height: number;
  readonly tab_id: string;
  readonly viewport: { readonly width: number; readonly height: number };
  readonly scale: number;
}

const isJpeg = (bytes: Buffer): boolean =>
  bytes.readUInt16BE(0) === 0xffd8 && bytes.readUInt16BE(bytes.length - 2) === 0xffd9;

/** A frame: the length of its head, the head, the JPEG. */
function frameOf(bytes: Buffer): { head: Head; jpeg: Buffer } {
  const at = 2 + bytes.readUInt16BE(0);
  return { head: JSON.parse(bytes.toString('utf8', 2, at)) as Head, jpeg: bytes.subarray(at) };
}

/** What is shown now, as soon as that is recorded. */
async function shownNow(path: string): Promise<Answer> {
  let answer: Answer | undefined;
  await until(async () => {
    answer = await computers('GET', `${path}?at=${Date.now()}`);
    return answer.status === 200;
  }, 'a picture in the recording');
  if (answer === undefined) throw new Error('never asked');
  return answer;
}

// A server needs a browser for these.
describe('17 Frames', () => {
  let shared: (Computer & AsyncDisposable) | undefined;
  beforeAll(async () => {
    shared = await makeComputer({ screencast: { max_width: 320, max_height: 240 } });
  });
  afterAll(() => shared?.[Symbol.asyncDispose]());
  const id = (): string => shared?.id ?? '';

  test('P-380 P-381 P-383 P-384 P-396 a viewer of the stream gets the newest frame at once, bounded as asked', async () => {
    using socket = await openSocket();
    const stream = `computers/${id()}/frames`;
    await socket.ask({ type: 'subscribe', stream, delivery: 'latest' }, 'subscribed');
    const event = await socket.when(() => socket.binary[0], 'a frame');
    // The event of the stream has a head of its own (P-106) around the frame.
    const { head, jpeg } = frameOf(event.subarray(2 + event.readUInt16BE(0)));
    expect(isJpeg(jpeg)).toBe(true);
    expect(head).toMatchObject({
      number: expect.any(Number) as number,
      tab_id: expect.any(String) as string,
    });
    expect(head.width <= 320 && head.height <= 240).toBe(true);
    expect(Math.abs(head.viewport.width * head.scale - head.width)).toBeLessThanOrEqual(1);
    using tab = await openEvents(streamPath(`computers/${id()}/frames.${head.tab_id}`));
    expect(tab.status).toBe(200);
  });

  test('P-387 P-388 P-391 a screencast is one data line a frame', async () => {
    const path = `/v1/computers/${id()}/screencast`;
    using plain = await openEvents(path);
    const frame = await plain.frame(({ data }) => data !== undefined, 'a frame');
    expect(frame.text.split('\n').filter((line) => line.startsWith('data:'))).toHaveLength(1);
    expect(isJpeg(Buffer.from(frame.data ?? '', 'base64'))).toBe(true);
    using json = await openEvents(`${path}?format=json`);
    const { data } = await json.frame((each) => each.data !== undefined, 'a frame');
    const told = JSON.parse(data ?? '') as Record<string, unknown>;
    expect(told).toMatchObject({ metadata: { timestamp: expect.stringMatching(/Z$/) as string } });
    expect(told['frame']).toBe(told['image_data']);
    expect((await computers('GET', `/${id()}/screencast?tab_id=none`)).status).toBe(404);
    expect((await computers('GET', `/${id()}/screencast?fps=0`)).status).toBe(400);
    expect((await computers('GET', '/comp_00000000000000000000000000000000/screencast')).status).toBe(404);
  });

  test('P-389 as mjpeg a picture can be shown when it has come', async () => {
    const incoming = await begin(`/v1/computers/${id()}/screencast?format=mjpeg`, {});
    try {
      const type = String(incoming.headers['content-type']);
      expect(type).toMatch(/^multipart\/x-mixed-replace; ?boundary=/);
      const boundary = `--${/boundary="?([^";]+)/.exec(type)?.[1] ?? ''}`;
      const { promise, resolve } = Promise.withResolvers<string>();
      let text = '';
      incoming.on('data', (piece: Buffer) => {
        text += piece.toString('latin1');
        if (text.split(boundary).length > 2) resolve(text);
      });
      const [, part = ''] = (await within(promise, 'a picture and its boundary')).split(boundary);
      expect(part.toLowerCase()).toContain('content-type: image/jpeg');
      expect(part.toLowerCase()).not.toContain('content-length');
    } finally {
      incoming.destroy();
    }
  });

  test('P-562 P-563 P-565 P-566 what was shown at a time is there again, or it is said why not', async () => {
    await using computer = await makeComputer({ recording: { fps: 10 } });
    const path = `/${computer.id}/recording`;
    const about = (await computers('GET', path)).json<Record<string, unknown>>();
    expect(about).toMatchObject({
      stream: `computers/${computer.id}/recording`,
      recording: true,
      fps: 10,
      closed: false,
      gaps: expect.any(Array) as unknown[],
    });
    const picture = await shownNow(path);
    expect(picture.headers).toMatchObject({
      'content-type': 'image/jpeg',
      etag: expect.stringMatching(/^".+"$/) as string,
      'x-frame-position': expect.any(String) as string,
      'x-frame-timestamp': expect.stringMatching(/^\d+$/) as string,
      'x-frame-size': expect.stringMatching(/^\d+x\d+$/) as string,
    });
    const before = await computers('GET', `${path}?at=2001-01-01T00:00:00Z`);
    expect([before.status, before.json()]).toMatchObject([404, { reason: 'before' }]);
    expect((await computers('GET', `${path}?at=soon`)).status).toBe(400);
    expect((await computers('DELETE', path)).status).toBe(204);
    expect((await computers('DELETE', path)).status).toBe(204);
    const off = await computers('GET', `${path}?at=${Date.now() + 60_000}`);
    expect([off.status, off.json()]).toMatchObject([
      404,
      { reason: 'gap', gap: { reason: 'off', to: null } },
    ]);
    expect((await computers('GET', path)).json()).toMatchObject({ recording: false, closed: false });
    expect((await computers('POST', path, { fps: 5 })).json()).toMatchObject({ recording: true, fps: 5 });
    expect((await computers('POST', path, { fps: 0 })).status).toBe(400);
    await computers('DELETE', `/${computer.id}`);
    expect((await computers('GET', path)).json()).toMatchObject({ recording: false, closed: true });
    expect((await computers('DELETE', `${path}?erase=true`)).status).toBe(204);
    expect((await computers('GET', path)).json()).toMatchObject({ reason: 'not-recorded' });
  });

  test('P-567 P-569 a video of what was shown, where the server makes any', async () => {
    const path = `/${id()}/recording`;
    expect((await computers('GET', `${path}.webm`)).status).toBe(404);
    expect((await computers('POST', path, {})).status).toBe(200);
    await shownNow(path);
    for (const [format, type] of [
      ['webm', 'video/webm'],
      ['mp4', 'video/mp4'],
    ]) {
      const answer = await computers('GET', `${path}.${format}`);
      if (answer.status === 501) continue;
      expect([answer.status, answer.headers['content-type']]).toEqual([200, type]);
      expect(answer.headers).toHaveProperty('x-recording-from');
      expect((await computers('GET', `${path}.${format}?from=2&to=1`)).status).toBe(400);
    }
    const { key: reading } = await makeKey({ scopes: ['computers:read'] });
    expect((await computers('POST', path, {}, reading)).status).toBe(403);
    expect((await computers('GET', path, undefined, reading)).status).toBe(200);
    await computers('DELETE', `${path}?erase=true`);
  });

  test("P-393 P-394 a computer's socket is sent the frames of what it watches, and told of its end", async () => {
    using socket = await openPath(`/v1/computers/${id()}/ws?token=${encodeURIComponent(target.key)}`);
    socket.send({ type: 'watch', request_id: 'w' });
    expect(await socket.message('watch_result')).toMatchObject({ status: 'SUCCESS', request_id: 'w' });
    const { head, jpeg } = frameOf(await socket.when(() => socket.binary[0], 'a frame'));
    expect([isJpeg(jpeg), typeof head.tab_id]).toEqual([true, 'string']);
    socket.send({ type: 'watch', tab_id: 'none' });
    expect(await socket.message('watch_result', ({ status }) => status === 'ERROR')).toBeDefined();
    await computers('POST', `/${id()}/tabs`, { url: 'about:blank' });
    const { result } = await act(id(), { type: 'list_tabs' });
    const tab_id = (result['tabs'] as { tab_id: string }[]).find((tab) => tab.tab_id !== head.tab_id)?.tab_id;
    socket.send({ type: 'watch', tab_id, request_id: 'other' });
    await socket.message('watch_result', ({ request_id }) => request_id === 'other');
    await computers('DELETE', `/${id()}/tabs/${tab_id}`);
    expect(await socket.message('watch_ended')).toMatchObject({ tab_id });
  });
});
