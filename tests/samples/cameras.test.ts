import { readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cameraPort, makeCamera, sendFrame } from '../support/cameras.ts';
import { launchChromium } from '../support/chromium.ts';
import { JPEGS } from '../support/jpegs.ts';
import { findChromium } from '../support/optional.ts';
import { type PageServer, startPage } from '../support/page-server.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/within.ts';

const chromium = findChromium();
const CLIENT = readFileSync(new URL('browser/camera-client.js', import.meta.url), 'utf8');

interface Seen {
  readonly frames: { frame: string; timestamp: number; camera_id: string }[];
  readonly streaming: boolean[];
  readonly errors: string[];
  readonly answers: number[];
  readonly drawn: number;
  readonly size: number[];
}

/** The page that uses the client: one of another origin, as its users' are. */
const pageOf = (server: TestServer, port: number): string => `<!doctype html><canvas></canvas><script>
  const settings = { host: '127.0.0.1', port: ${port}, api: '${server.url}', key: '${server.key}' };
  const seen = { frames: [], streaming: [], errors: [], answers: [], drawn: 0 };
${CLIENT}
</script>`;

describe.skipIf(chromium.missing)('the sample client of cameras in a browser', () => {
  let server: TestServer;
  let browser: Browser;
  let site: PageServer;
  let page: Page;

  beforeAll(async () => {
    [server, browser] = await Promise.all([startServer(), launchChromium(chromium)]);
    site = await startPage(pageOf(server, await cameraPort(server)));
    page = await browser.newPage();
    await page.goto(site.url);
  });
  afterAll(async () => {
    await browser?.close();
    await site?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  const seen = (): Promise<Seen> =>
    page.evaluate<Seen>(
      `({ ...seen, size: [document.querySelector('canvas').width, document.querySelector('canvas').height] })`,
    );

  const sees = (fits: (seen: Seen) => boolean, what: string): Promise<void> =>
    until(async () => fits(await seen()), what);

  test('CC-14 CC-16 CC-19 CC-25 it opens without a token, draws frames, and stops', async () => {
    await page.evaluate(`startStreaming('demo')`);
    await sees(({ drawn }) => drawn >= 5, 'frames');
    const { frames, streaming, size, errors } = await seen();
    expect(frames.every(({ camera_id }) => camera_id === 'demo')).toBe(true);
    expect([streaming, size, errors]).toEqual([[true], [640, 360], []]);
    await page.evaluate(`stopStreaming()`);
    // Once by the call, once by the socket.
    await sees((now) => now.streaming.length === 3, 'the socket to be closed');
    expect((await seen()).streaming).toEqual([true, false, false]);
  });

  test('CC-22 CC-23 what it forwards is taken, from its origin, and does not come back', async () => {
    await sees(({ answers, frames }) => answers.length === frames.length, 'all frames to be answered');
    expect(new Set((await seen()).answers)).toEqual(new Set([202]));
    await makeCamera(server, { id: 'pushed', public: true });
    const before = (await seen()).frames.length;
    await page.evaluate(`startStreaming('pushed')`);
    await sees(({ streaming }) => streaming.length === 4, 'the socket to be open');
    const first = Date.now();
    for (let i = 0; i < 5; i++) {
      const frame = JPEGS.red.toString('base64');
      const sent = await sendFrame(server, { camera_id: 'pushed', frame, timestamp: first + i });
      expect(sent.status).toBe(200);
      await sees(({ frames }) => frames.at(-1)?.timestamp === first + i, 'the frame');
    }
    await sees(({ answers, frames }) => answers.length === frames.length, 'all frames to be answered');
    const { frames, answers } = await seen();
    expect(frames.slice(before).map(({ timestamp }) => timestamp - first)).toEqual([0, 1, 2, 3, 4]);
    expect(new Set(answers)).toEqual(new Set([202]));
  });

  test('CC-20 CC-25 of an unknown camera it hears an error, and nothing more', async () => {
    const { streaming } = await seen();
    await page.evaluate(`startStreaming('nowhere')`);
    await sees(({ errors }) => errors.length === 1, 'the error');
    expect((await seen()).errors).toEqual(['Stream connection error']);
    await sees((now) => now.streaming.length === streaming.length + 1, 'the socket to be closed');
    expect((await seen()).streaming.at(-1)).toBe(false);
  });
});
