import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, onTestFailed, test } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { PROJECT } from '../support/commands.ts';
import { type Gate, makeGate } from '../support/gate.ts';
import { ROOT } from '../support/node-program.ts';
import { findChromium } from '../support/optional.ts';
import { startServer, type TestServer } from '../support/server.ts';

const chromium = findChromium();

describe.skipIf(chromium.missing)('the console', () => {
  let server: TestServer;
  let browser: Browser;
  beforeAll(async () => {
    [server, browser] = await Promise.all([startServer(), launchChromium(chromium)]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** A page of the console. What it said on its console, and its picture, are shown if the test fails. */
  async function openConsole(): Promise<Page> {
    const page = await browser.newPage();
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
    return page;
  }

  async function run(page: Page, command: string): Promise<void> {
    await page.fill('#key', server.key);
    await page.fill('#project', PROJECT);
    await page.fill('#command', command);
    await page.click('#run');
  }

  const outputLines = async (page: Page): Promise<string[]> =>
    ((await page.textContent('#output')) ?? '').split('\n').filter((line) => line !== '');
  const shows = (page: Page, id: string, text: string): Promise<unknown> =>
    page.locator(`#${id}`, { hasText: text }).waitFor();

  /** Lines 1 to 5, then at the gate; behind it 6 to 9. */
  const halves = (gate: Gate): string =>
    `for i in 1 2 3 4 5; do echo "line $i"; done; ${gate.wait}; for i in 6 7 8 9; do echo "line $i"; done; exit 3`;
  const ALL = Array.from({ length: 9 }, (_, i) => `line ${i + 1}`);

  test('CM-21 CM-23 a command is started in the page, and its output appears while it runs', async () => {
    await using gate = await makeGate();
    const page = await openConsole();
    await run(page, halves(gate));
    await shows(page, 'output', 'line 5');
    expect(await outputLines(page)).toEqual(ALL.slice(0, 5));
    expect(await page.textContent('#state')).toBe('running');
    await gate.open();
    await shows(page, 'state', 'exited 3');
    await shows(page, 'output', 'line 9');
    expect(await outputLines(page)).toEqual(ALL);
    await page.close();
  });

  test('CM-5 CM-18 after a reload the output goes on, with nothing lost or repeated', async () => {
    await using gate = await makeGate();
    const page = await openConsole();
    await run(page, halves(gate));
    await shows(page, 'output', 'line 5');
    await page.reload();
    await shows(page, 'output', 'line 5');
    expect(await page.textContent('#state')).toBe('running');
    await gate.open();
    await shows(page, 'state', 'exited 3');
    await shows(page, 'output', 'line 9');
    expect(await outputLines(page)).toEqual(ALL);
    await page.reload();
    await shows(page, 'state', 'exited 3');
    await shows(page, 'output', 'line 9');
    expect(await outputLines(page)).toEqual(ALL);
    await page.close();
  });

  test('F14 the stop button ends the command', async () => {
    await using gate = await makeGate();
    const page = await openConsole();
    await run(page, `echo begun; ${gate.wait}`);
    await shows(page, 'output', 'begun');
    await page.click('#stop');
    await shows(page, 'state', 'stopped');
    await page.close();
  });

  test('CM-22 a wrong key is said to be one, and output is text, never markup', async () => {
    const page = await openConsole();
    await page.fill('#key', 'rdev_wrong');
    await page.fill('#command', 'true');
    await page.click('#run');
    await page.waitForSelector('#problem:not([hidden])');
    expect(await page.textContent('#problem')).toMatch(/\S/);
    await run(page, `echo '<img src=x onerror="document.title=1"><b>bold</b>'`);
    await shows(page, 'state', 'exited 0');
    await shows(page, 'output', '<b>bold</b>');
    expect(await page.locator('#output img, #output b').count()).toBe(0);
    expect(page.url()).not.toContain(server.key);
    await page.close();
  });
});
