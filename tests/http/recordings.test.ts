import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { type Computer, computers, createComputer, done, startComputerServer } from '../support/computers.ts';
import { colorOf, isJpeg } from '../support/frames.ts';
import { findChromium } from '../support/optional.ts';
import type { Answer } from '../support/request.ts';
import type { TestServer } from '../support/server.ts';
import { page, type Site, startSite } from '../support/site.ts';
import { until } from '../support/within.ts';

const chromium = findChromium();

/** A page in one colour. */
const plain = (title: string, color: string): string =>
  page(title, `<div style="background:${color};height:100vh"></div>`);

interface View {
  readonly stream: string;
  readonly recording: boolean;
  readonly fps?: number;
  readonly from: string;
  readonly to: string;
  readonly bytes: number;
  readonly gaps: readonly { readonly from: string; readonly to: string | null; readonly reason: string }[];
  readonly closed: boolean;
}

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
  const view = async (id: string): Promise<View> => (await recording(id)).json<View>();

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
      'playhead-width': '1280',
      'playhead-height': '720',
    });
    expect(Date.parse(String(answer.headers['playhead-time']))).toBeLessThanOrEqual(red);
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
});
