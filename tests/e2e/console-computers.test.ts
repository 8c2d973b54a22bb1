import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { createComputer, done, startComputerServer, titleOf } from '../support/computers.ts';
import { openComputerSocket } from '../support/computer-socket.ts';
import { ROOT } from '../support/node-program.ts';
import { findChromium } from '../support/optional.ts';
import type { TestServer } from '../support/server.ts';
import { page as html, type Site, startSite } from '../support/site.ts';
import { until } from '../support/within.ts';

const chromium = findChromium();

const FORM = html(
  'form',
  '<input id="text" style="position:absolute;left:100px;top:100px;width:300px;height:60px">' +
    '<div style="height:4000px;background:#00f"></div>',
  `text.addEventListener('input', () => { document.title = text.value; });
   addEventListener('wheel', () => { document.title = 'wheel'; });
   addEventListener('click', ({ clientX, clientY }) => { document.title = 'click ' + clientX + ' ' + clientY; });`,
);

describe.skipIf(chromium.missing)('computers in the console', () => {
  let site: Site;
  let server: TestServer;
  let browser: Browser;

  beforeAll(async () => {
    site = await startSite({
      '/red': html('red page', '<div style="background:#f00;height:100vh"></div>'),
      '/green': html('green page', '<div style="background:#0f0;height:100vh"></div>'),
      '/form': FORM,
    });
    [server, browser] = await Promise.all([
      startComputerServer(site, { env: { PLAYHEAD_HEARTBEAT_MS: '2000' } }),
      launchChromium(chromium),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await site?.[Symbol.asyncDispose]();
  });

  /** The page, and its picture if the test fails. */
  async function open(): Promise<Page> {
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 } });
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
    await page.goto(`${server.url}/console/`);
    await page.click('nav a:has-text("Computers")');
    await page.waitForURL('**/console/computers.html');
    await page.fill('#key', server.key);
    await page.press('#key', 'Tab');
    return page;
  }

  const shows = (page: Page, selector: string, text: string): Promise<unknown> =>
    page.locator(selector, { hasText: text }).first().waitFor();

  /** Which of red, green and blue is on the screen, at a place in parts of its size. */
  const colorAt = (page: Page, x: number, y: number): Promise<string> =>
    page.evaluate<string>(`(() => {
      const at = screen_().getContext('2d').getImageData(
        Math.floor(screen_().width * ${x}), Math.floor(screen_().height * ${y}), 1, 1).data;
      return ['r', 'g', 'b'].filter((_, i) => at[i] > 128).join('');
      function screen_() { return document.getElementById('screen'); }
    })()`);

  const looks = (page: Page, color: string): Promise<void> =>
    until(async () => (await colorAt(page, 0.5, 0.9)) === color, `a screen in ${color}`);

  test('CO-27 a computer is made, shown and driven by its address', async () => {
    const page = await open();
    await page.click('#new');
    await shows(page, '#link', 'live');
    await shows(page, '#computers code', 'comp_');
    await page.fill('#address', `${site.url}/red`);
    await page.click('#visit');
    await looks(page, 'r');
    await shows(page, '#events', 'navigation');
    await shows(page, '#tabs [aria-selected=true]', 'red page');
    await page.fill('#address', 'http://127.0.0.1:1/');
    await page.click('#visit');
    await page.waitForSelector('#problem:not([hidden])');
    await page.click('#computers li >> text=End');
    await shows(page, '#link', 'ended');
    expect(page.url()).not.toContain(server.key);
    await page.close();
  });

  test('CO-22 mouse, wheel and keyboard reach the page while control is held, and not before', async () => {
    await using computer = await createComputer(server, { display: { width: 1000, height: 600 } });
    await done(server, computer.id, 'navigate', { url: `${site.url}/form` });
    const page = await open();
    await shows(page, '#link', 'live');
    await looks(page, 'b');
    const box = await page.locator('#screen').boundingBox();
    if (box === null) throw new Error('no screen');
    const at = (x: number, y: number): { x: number; y: number } => ({
      x: box.x + (x / 1000) * box.width,
      y: box.y + (y / 600) * box.height,
    });
    const click = async (x: number, y: number): Promise<void> => {
      const place = at(x, y);
      await page.mouse.click(place.x, place.y);
    };
    await click(700, 400);
    expect(await titleOf(server, computer.id)).toBe('form');
    await page.click('#control');
    await shows(page, '#holder', 'you are in control');
    await click(700, 400);
    await until(
      async () => /^click (699|70[01]) (399|40[01])$/.test(await titleOf(server, computer.id)),
      'a click',
    );
    await click(250, 130);
    await page.keyboard.type('Hi there');
    await until(async () => (await titleOf(server, computer.id)) === 'Hi there', 'what was typed');
    const place = at(500, 400);
    await page.mouse.move(place.x, place.y);
    await page.mouse.wheel(0, 300);
    await until(async () => (await titleOf(server, computer.id)) === 'wheel', 'the wheel');
    // Another takes it.
    using other = await openComputerSocket(server, computer.id);
    other.send({ type: 'control', action: 'take', force: true });
    await shows(page, '#holder', 'somebody is in control');
    await shows(page, '#control', 'Take control');
    await page.close();
  });

  test('CO-23 a page that comes later sees the same, and what happens meanwhile is not lost', async () => {
    await using computer = await createComputer(server);
    await done(server, computer.id, 'navigate', { url: `${site.url}/red` });
    const first = await open();
    await looks(first, 'r');
    const second = await open();
    await looks(second, 'r');
    await done(server, computer.id, 'tabs', { url: `${site.url}/green` });
    await looks(first, 'g');
    await looks(second, 'g');
    await shows(second, '#tabs [aria-selected=true]', 'green page');
    await first.click('#tabs >> text=red page');
    await looks(second, 'r');
    await first.close();
    await second.close();
  });

  test('P-389 an image of parts shows the newest picture, of a still page too', async () => {
    await using computer = await createComputer(server);
    await done(server, computer.id, 'navigate', { url: `${site.url}/red` });
    const page = await browser.newPage({ extraHTTPHeaders: { authorization: `Bearer ${server.key}` } });
    await page.goto(`${server.url}/console/`);
    const shown = (): Promise<string> =>
      page.evaluate<string>(`(() => {
        const image = document.getElementById('film');
        if (image === null || image.naturalWidth === 0) return '';
        const canvas = document.createElement('canvas');
        const context = canvas.getContext('2d');
        context.drawImage(image, 0, 0);
        const at = context.getImageData(5, 5, 1, 1).data;
        return ['r', 'g', 'b'].filter((_, i) => at[i] > 128).join('');
      })()`);
    await page.evaluate(`document.body.append(Object.assign(new Image(), {
      id: 'film', src: '/v1/computers/${computer.id}/screencast?format=mjpeg',
    }))`);
    await until(async () => (await shown()) === 'r', 'the page in red');
    await done(server, computer.id, 'navigate', { url: `${site.url}/green` });
    await until(async () => (await shown()) === 'g', 'the page in green');
    await page.close();
  });
});
