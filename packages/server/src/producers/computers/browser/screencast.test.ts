import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Browser } from '../browser.ts';
import type { Capture, CaptureOptions, Frame } from '../capture.ts';
import { type TestBrowsers, testBrowsers, type TestSite, testSite } from './browsers.fixture.ts';
import { jpegSize } from './image-size.ts';

let site: TestSite;
let here: TestBrowsers;
let browser: Browser;

beforeAll(async () => {
  site = await testSite({
    '/still': '<title>still</title><body style="background:#008000">',
    '/moves':
      '<title>moves</title><body><script>let n=0;const f=()=>{document.body.style.background=`hsl(${++n%360} 80% 50%)`;requestAnimationFrame(f)};f()</script>',
  });
  here = await testBrowsers();
  ({ browser } = await here.open());
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});

interface Film extends Disposable {
  readonly capture: Capture;
  readonly frames: Frame[];
  /** The next frame, acknowledged unless told otherwise. */
  until(fits: (frames: readonly Frame[]) => boolean): Promise<void>;
}

async function film(tab: string, options: Partial<CaptureOptions> & { ack?: boolean } = {}): Promise<Film> {
  const frames: Frame[] = [];
  let waiting: (() => void)[] = [];
  const held: { capture?: Capture } = {};
  const outcome = await browser.capture(tab, {
    ...{ maxWidth: 800, maxHeight: 600, quality: 60 },
    ...options,
    arrived(frame) {
      frames.push(frame);
      if (options.ack !== false) held.capture?.ack(frame);
      for (const resolve of waiting) resolve();
      waiting = [];
    },
  });
  if (outcome.kind !== 'capturing') throw new Error(JSON.stringify(outcome));
  const { capture } = outcome;
  held.capture = capture;
  if (options.ack !== false) for (const frame of frames) capture.ack(frame);
  return {
    capture,
    frames,
    async until(fits) {
      while (!fits(frames)) await new Promise<void>((resolve) => waiting.push(resolve));
    },
    [Symbol.dispose]: () => capture[Symbol.dispose](),
  };
}

async function go(path: string): Promise<void> {
  await browser.act({ type: 'navigate', url: `${site.url}${path}` });
}

beforeEach(() => go('/still'));

describe('a capture', () => {
  test('CO-13 gives real JPEGs of the viewport, numbered and stamped as they arrive', async () => {
    await go('/moves');
    const before = Date.now();
    using filmed = await film('tab_1');
    await filmed.until((frames) => frames.length >= 5);
    for (const [index, frame] of filmed.frames.entries()) {
      const jpeg = Buffer.from(frame.jpeg);
      expect(jpeg.subarray(0, 2).toString('hex')).toBe('ffd8');
      expect(jpeg.subarray(-2).toString('hex')).toBe('ffd9');
      expect(jpegSize(jpeg)).toEqual({ width: frame.width, height: frame.height });
      expect(frame).toMatchObject({ number: index + 1, width: 800, height: 600, scale: 1 });
      expect(frame.viewport).toEqual({ width: 800, height: 600 });
      expect(frame.arrived).toBeGreaterThanOrEqual(before);
      expect(frame.arrived).toBeLessThanOrEqual(Date.now());
    }
  });

  test('CO-14 of a still page has a frame at once, and keeps it', async () => {
    using filmed = await film('tab_1');
    await filmed.until((frames) => frames.length >= 1);
    expect(filmed.capture.newest).toBe(filmed.frames.at(-1));
  });

  test('CO-15 sends no more than a few frames that nobody has taken, and goes on when they are', async () => {
    await go('/moves');
    using filmed = await film('tab_1', { ack: false });
    await filmed.until((frames) => frames.length >= 3);
    const title = async (): Promise<unknown> => browser.context();
    // Each answer comes behind what the page has drawn meanwhile.
    for (let look = 0; look < 10; look++) await title();
    expect(filmed.frames.length).toBeLessThanOrEqual(4);
    const held = filmed.frames.length;
    for (const frame of filmed.frames) filmed.capture.ack(frame);
    await filmed.until((frames) => frames.length > held);
  });

  test('CO-14 has frames whenever it begins, also while one page takes the place of another', async () => {
    // Two names of one site are two sites to a browser, so that each is put into a process of its own.
    const sites = [site.url, site.url.replace('127.0.0.1', 'localhost')];
    for (let round = 0; round < 16; round++) {
      const going = browser.act({ type: 'navigate', url: `${sites[round % 2] ?? ''}/moves?${round}` });
      for (let turn = 0; turn < round * 4; turn++) await new Promise((resolve) => setImmediate(resolve));
      using filmed = await film('tab_1');
      await going;
      await filmed.until((frames) => frames.length >= 3);
    }
  });

  test('is scaled down to fit, and says by how much', async () => {
    using filmed = await film('tab_1', { maxWidth: 400, maxHeight: 400 });
    await filmed.until((frames) => frames.length >= 1);
    expect(filmed.frames[0]).toMatchObject({ width: 400, height: 300, scale: 0.5 });
    filmed.capture.reconfigure({ maxWidth: 200, maxHeight: 200, quality: 30 });
    await filmed.until((frames) => frames.at(-1)?.width === 200);
    expect(filmed.frames.at(-1)).toMatchObject({ width: 200, height: 150, scale: 0.25 });
  });

  test('goes on over navigations and changes of the viewport', async () => {
    using filmed = await film('tab_1');
    await filmed.until((frames) => frames.length >= 1);
    const before = filmed.frames.length;
    await go('/moves');
    await filmed.until((frames) => frames.length >= before + 3);
    await browser.act({ type: 'set-viewport', width: 600, height: 400, scale: 1 });
    await filmed.until((frames) => frames.at(-1)?.width === 600);
    await browser.act({ type: 'set-viewport', width: 800, height: 600, scale: 1 });
    await filmed.until((frames) => frames.at(-1)?.width === 800);
  });

  test('films a tab that is behind others', async () => {
    await go('/moves');
    await browser.openTab(null);
    using filmed = await film('tab_1');
    await filmed.until((frames) => frames.length >= 5);
    await browser.activateTab('tab_1');
    for (const { id } of browser.tabs()) if (id !== 'tab_1') await browser.closeTab(id);
  });

  test('ends when it is disposed, with its tab, and when another begins', async () => {
    const first = await film('tab_1');
    using second = await film('tab_1');
    expect(await first.capture.ended).toBe('stopped');
    second.capture[Symbol.dispose]();
    expect(await second.capture.ended).toBe('stopped');
    const opened = await browser.openTab(null);
    if (opened.kind !== 'done') throw new Error(opened.detail);
    const third = await film(opened.tab);
    await browser.closeTab(opened.tab);
    expect(await third.capture.ended).toBe('tab-closed');
    expect(
      await browser.capture(opened.tab, { maxWidth: 8, maxHeight: 8, quality: 60, arrived: () => undefined }),
    ).toMatchObject({
      reason: 'no-such-tab',
    });
  });
});
