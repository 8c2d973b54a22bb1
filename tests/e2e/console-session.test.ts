import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { cli } from '../support/cli.ts';
import { findChromium } from '../support/optional.ts';
import { startServer, type TestServer } from '../support/server.ts';

const chromium = findChromium();

describe.skipIf(chromium.missing)('signing in to the console', () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([startServer(), launchChromium(chromium)]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  const link = async (): Promise<string> => (await cli(server, ['tickets', '--console'])).stdout.trim();
  const shows = (page: Page, selector: string, text: string): Promise<void> =>
    page.locator(selector, { hasText: text }).waitFor();

  async function run(page: Page): Promise<void> {
    await page.fill('#command', 'echo hello; exit 3');
    await page.click('#run');
    await shows(page, '#state', 'exited 3');
  }

  /** A browser that keeps what it is asked for, as a log or a proxy would. */
  async function open(url: string): Promise<{ context: BrowserContext; page: Page; asked: string[] }> {
    const context = await browser.newContext();
    const page = await context.newPage();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(url);
    return { context, page, asked };
  }

  test('D-17 a link signs the page in, without a key, and is good once', async () => {
    const url = await link();
    const { context, page, asked } = await open(url);
    await shows(page, '#session', 'Signed in');
    expect(await page.locator('#key-box').isVisible()).toBe(false);
    expect(page.url()).toBe(`${server.url}/console/`);
    await run(page);
    await shows(page, '#output', 'hello');
    const ticket = url.split('=')[1] ?? '';
    expect(asked.filter((each) => each.includes(ticket) && !each.includes('#'))).toEqual([]);
    expect(await page.evaluate('document.cookie')).toBe('');
    expect(server.stdout + server.stderr).not.toContain(ticket);

    await page.reload();
    await shows(page, '#session', 'Signed in');
    await shows(page, '#commands', 'echo hello');

    const second = await open(url);
    await shows(second.page, '#problem', 'Make another link');
    expect(await second.page.locator('#key-box').isVisible()).toBe(true);
    await Promise.all([context.close(), second.context.close()]);
  });

  test('D-17 signing out ends it, and the key box is the other way in', async () => {
    const { context, page } = await open(await link());
    await shows(page, '#session', 'Signed in');
    await page.click('#sign-out');
    await page.locator('#key-box').waitFor();
    expect(await page.evaluate(() => fetch('/projects').then((answer) => answer.status))).toBe(401);
    await page.fill('#key', server.key);
    await run(page);
    await context.close();
  });

  test('D-17 a restart of the server signs out, and the page says so', async () => {
    const { context, page } = await open(await link());
    await shows(page, '#session', 'Signed in');
    await server.restart();
    await page.click('#refresh');
    await page.locator('#key-box').waitFor();
    await page.locator('#problem').waitFor();
    // The same tab takes a new link, although only the part behind the # changes.
    await page.goto((await link()).replace(/^[^#]*/, page.url()));
    await shows(page, '#session', 'Signed in');
    await context.close();
  });
});
