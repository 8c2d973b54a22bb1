import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest';
import { cameraEvent, makeCamera, sendFrame, viewCamera, watchCamera } from '../support/cameras.ts';
import { launchChromium } from '../support/chromium.ts';
import { isJpeg } from '../support/frames.ts';
import { JPEGS } from '../support/jpegs.ts';
import { ROOT } from '../support/node-program.ts';
import { findChromium } from '../support/optional.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/within.ts';

const chromium = findChromium();

/** Told before the page runs: what is drawn, and how. */
const SPY = `
  window.drawn = { boxes: [], texts: [] };
  const at = CanvasRenderingContext2D.prototype;
  const { strokeRect, fillText } = at;
  at.strokeRect = function (...box) {
    drawn.boxes.push({ box, style: this.strokeStyle, width: this.lineWidth });
    return strokeRect.apply(this, box);
  };
  at.fillText = function (...text) {
    drawn.texts.push({ text, style: this.fillStyle });
    return fillText.apply(this, text);
  };`;

interface Drawn {
  readonly boxes: readonly { readonly box: number[]; readonly style: string; readonly width: number }[];
  readonly texts: readonly { readonly text: unknown[]; readonly style: string }[];
}

describe.skipIf(chromium.missing)('cameras in the console', () => {
  let server: TestServer;
  let browser: Browser;

  beforeAll(async () => {
    [server, browser] = await Promise.all([
      startServer(),
      launchChromium(chromium, ['--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream']),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  async function open(of: TestServer, file: string, key: string | null = of.key): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
    const complaints: string[] = [];
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
    onTestFailed(async ({ task }) => {
      const folder = join(ROOT, '.cache', 'failed');
      await mkdir(folder, { recursive: true });
      const picture = join(folder, `${task.name.replace(/\W+/g, '-').slice(0, 80)}.png`);
      await page.screenshot({ path: picture }).catch(() => undefined);
      process.stderr.write(`the page: ${picture}\n${complaints.join('\n')}\n`);
    });
    await page.addInitScript(SPY);
    await page.goto(`${of.url}/console/${file}`);
    if (key !== null) {
      await page.fill('#key', key);
      await page.press('#key', 'Tab');
    }
    return page;
  }

  const shows = (page: Page, selector: string, text: string | RegExp): Promise<unknown> =>
    page.locator(selector, { hasText: text }).first().waitFor();

  const streams = (page: Page, on: boolean): Promise<unknown> =>
    page.locator(`#state[data-streaming="${on}"]`).waitFor();

  /** Of the canvas: its size, and the colour at a place. */
  const look = (page: Page, x: number, y: number): Promise<{ size: number[]; color: number[] }> =>
    page.evaluate(`(() => {
      const canvas = document.getElementById('view');
      const at = canvas.getContext('2d').getImageData(${x}, ${y}, 1, 1).data;
      return { size: [canvas.width, canvas.height], color: [...at].slice(0, 3) };
    })()`);

  const isShown = (page: Page, timestamp: number): Promise<unknown> =>
    page.locator(`#view[data-timestamp="${timestamp}"]`).waitFor();

  test('CC-24 the canvas has the size of the picture, and boxes and labels are drawn on it, unless switched off', async () => {
    await makeCamera(server, { id: 'boxes' });
    const page = await open(server, 'cameras.html');
    await page.click('#cameras li[data-id="boxes"] button');
    await page.click('#toggle');
    await streams(page, true);
    let timestamp = Date.now();
    const push = async (jpeg: Buffer): Promise<void> => {
      timestamp++;
      const answer = await sendFrame(server, {
        ...{ camera_id: 'boxes', frame: jpeg.toString('base64'), timestamp },
        detections: [{ class: 'person', confidence: 0.876, bbox: [10, 20, 30, 16] }],
      });
      expect(answer.status).toBe(200);
      await isShown(page, timestamp);
    };
    await push(JPEGS.red);
    const edge = await look(page, 10, 28);
    expect(edge).toEqual({ size: [64, 48], color: [0, 255, 0] });
    const [red, green] = (await look(page, 25, 28)).color;
    expect([red !== undefined && red > 200, green !== undefined && green < 60]).toEqual([true, true]);
    const drawn = await page.evaluate<Drawn>('drawn');
    expect(drawn).toEqual({
      boxes: [{ box: [10, 20, 30, 16], style: '#00ff00', width: 2 }],
      texts: [{ text: ['person (88%)', 10, 15], style: '#00ff00' }],
    });
    await shows(page, '#found li', 'person (88%)');
    await page.uncheck('#detections');
    await push(JPEGS.blue);
    expect((await look(page, 10, 28)).color[1]).toBeLessThan(60);
    expect((await page.evaluate<Drawn>('drawn')).boxes).toHaveLength(1);
    await page.check('#detections');
    await push(JPEGS.red);
    expect((await look(page, 10, 28)).color).toEqual([0, 255, 0]);
    await page.close();
  });

  test('CC-24 CC-14 a camera that is public is seen without a key, and moves', async () => {
    const page = await open(server, 'cameras.html', null);
    await page.click('#toggle');
    await shows(page, '#facts', /^640×360 · \d+ fps/);
    const first = await page.getAttribute('#view', 'data-timestamp');
    await until(async () => (await page.getAttribute('#view', 'data-timestamp')) !== first, 'another frame');
    await page.close();
  });

  test('CC-25 it is started and stopped, and whoever leaves the page leaves the camera', async () => {
    await makeCamera(server, { id: 'watched', url: 'pattern:testsrc2' });
    const viewers = async (): Promise<number> => (await viewCamera(server, 'watched')).viewers.length;
    const page = await open(server, 'cameras.html');
    await page.click('#cameras li[data-id="watched"] button');
    await page.click('#toggle');
    await streams(page, true);
    await until(async () => (await viewers()) === 1, 'a viewer');
    await page.click('#toggle');
    await streams(page, false);
    await until(async () => (await viewers()) === 0, 'no viewer');
    await page.click('#toggle');
    await until(async () => (await viewers()) === 1, 'a viewer again');
    await page.goto(`${server.url}/console/`);
    await until(async () => (await viewers()) === 0, 'no viewer after the page');
    await cameraEvent(server, 'watched', 'viewer-left');
    await page.close();
  });

  test('CC-25 CC-26 a connection that breaks is told, and tried again five times, each wait twice as long', async () => {
    await using own = await startServer();
    const page = await open(own, 'cameras.html', null);
    // Time stands still but for what this test lets pass.
    const now = Date.now();
    await page.clock.install({ time: now });
    await page.clock.pauseAt(now + 1000);
    await page.click('#toggle');
    await streams(page, true);
    await own.kill('SIGKILL');
    await shows(page, '#toast', 'Stream connection error');
    await streams(page, false);
    for (const wait of [1, 2, 4, 8]) {
      await shows(page, '#state', `again in ${wait} s`);
      await page.clock.fastForward(wait * 1000);
    }
    await shows(page, '#state', 'again in 16 s');
    // Back before the last try: it goes on as if nothing had been.
    await own.restart();
    await page.clock.fastForward(16_000);
    await shows(page, '#state', 'live');
    await shows(page, '#facts', /fps/);
    await until(async () => (await page.getAttribute('#view', 'data-timestamp')) !== null, 'a frame');
    await own.kill('SIGKILL');
    for (const wait of [1, 2, 4, 8, 16]) {
      await shows(page, '#state', `again in ${wait} s`);
      await page.clock.fastForward(wait * 1000);
    }
    await shows(page, '#state', 'stopped');
    await shows(page, '#toggle', 'Start');
    await page.close();
  });

  test('CC-24 a camera is added, shown and deleted', async () => {
    const page = await open(server, 'cameras.html');
    page.on('dialog', (dialog) => void dialog.accept());
    await page.fill('#id', 'added here');
    await page.fill('#url', 'pattern:smptebars?width=320&height=180');
    await page.click('#new button');
    await shows(page, '#title', 'added here');
    await page.click('#toggle');
    await shows(page, '#facts', /^320×180/);
    await page.click('#cameras li[data-id="added here"] button:last-child');
    await page.locator('#cameras li[data-id="added here"]').waitFor({ state: 'detached' });
    await shows(page, '#state', 'stopped');
    await page.fill('#id', 'wrong');
    await page.fill('#url', 'gopher://nowhere');
    await page.click('#new button');
    await shows(page, '#problem', 'url: it must begin with');
    await page.close();
  });

  test('CC-22 the webcam of a browser becomes a camera', async () => {
    const page = await open(server, 'webcam.html');
    await page.fill('#id', 'my-webcam');
    await page.click('#toggle');
    await streams(page, true);
    using viewer = await watchCamera(server, 'my-webcam');
    const frame = await viewer.frame();
    expect(isJpeg(Buffer.from(frame.frame, 'base64'))).toBe(true);
    await viewer.frame(({ timestamp }) => timestamp > frame.timestamp);
    await until(
      async () => Number(await page.getAttribute('#facts', 'data-taken')) > 3,
      'frames that were taken',
    );
    await page.click('#toggle');
    await streams(page, false);
    await cameraEvent(server, 'my-webcam', 'silent');
    await page.close();
  });
});
