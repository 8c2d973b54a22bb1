import { readFile } from 'node:fs/promises';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { launchChromium } from '../support/chromium.ts';
import { PROJECT, start } from '../support/commands.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { makeGate } from '../support/gate.ts';
import { loseCommand } from '../support/lost-command.ts';
import { findChromium } from '../support/optional.ts';
import { startPage } from '../support/page-server.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { within } from '../support/within.ts';
import { CASES, expectPrinted } from './cases.ts';

const chromium = findChromium();

describe.skipIf(chromium.missing)('the sample client: EventSource in a browser', () => {
  let server: TestServer;
  let browser: Browser;
  let script: string;
  beforeAll(async () => {
    script = await readFile(new URL('browser/eventsource-client.js', import.meta.url), 'utf8');
    [server, browser] = await Promise.all([startServer(), launchChromium(chromium)]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** A page of that origin with the client in it. Only the page itself is made up here, no other request. */
  async function openPage(origin: string): Promise<Page> {
    const page = await browser.newPage();
    await page.route(`${origin}/sample.html`, (route) =>
      route.fulfill({
        contentType: 'text/html',
        body: '<!doctype html><meta charset="utf-8"><title>sample</title>',
      }),
    );
    await page.goto(`${origin}/sample.html`);
    await page.addScriptTag({ content: script });
    return page;
  }

  const call = <T>(page: Page, expression: string): Promise<T> =>
    within(page.evaluate<T>(expression), `${expression} in the page`);
  const execute = (command: string): string =>
    `executeCommand(${JSON.stringify(PROJECT)}, ${JSON.stringify(command)}, ${JSON.stringify(server.key)})`;
  const printed = (page: Page): Promise<string[]> => call(page, 'window.printed');
  const prints = (page: Page, line: string): Promise<unknown> =>
    page.waitForFunction(`window.printed.includes(${JSON.stringify(line)})`);

  test.for(CASES)('$title', async (expected) => {
    const page = await openPage(server.url);
    const result = await call<{ exitCode: number; duration: number }>(page, execute(expected.command));
    expectPrinted((await printed(page)).join('\n'), expected);
    expect(result.exitCode).toBe(expected.exitCode);
    expect(Number.isInteger(result.duration)).toBe(true);
    await page.close();
  });

  test('CM-18 CM-19 CM-30 connects again by itself after a drop, with nothing lost or repeated', async () => {
    await using gate = await makeGate();
    await using proxy = await startCuttingProxy(server.port);
    const page = await openPage(proxy.url);
    const running = call<{ exitCode: number }>(page, execute(`echo one; ${gate.wait}; echo two; exit 7`));
    await prints(page, '[stdout] one');
    proxy.cut();
    await proxy.resumed(1);
    await gate.open();
    expect((await running).exitCode).toBe(7);
    const all = await printed(page);
    expect(all.filter((line) => line.startsWith('[stdout]'))).toEqual(['[stdout] one', '[stdout] two']);
    expect(all).toContain('Connection error, reconnecting...');
    expect(all.filter((line) => line.startsWith('Connected:')).at(-1)).toContain('"reconnecting":true');
    await page.close();
  });

  test('CM-20 CM-30 stops by itself after complete: the reconnection gets 204', async () => {
    const page = await openPage(server.url);
    const id = await start(server, 'echo once');
    const url = `/projects/${PROJECT}/events?stream_id=${id}`;
    expect(await call<number>(page, `watchUntilRefused(${JSON.stringify(url)})`)).toBe(1);
    await page.close();
  });

  test('CM-24 CM-30 an unknown stream closes the source for good', async () => {
    const page = await openPage(server.url);
    const url = `/projects/${PROJECT}/events?stream_id=cmd-001`;
    expect(await call<number>(page, `watchUntilRefused(${JSON.stringify(url)})`)).toBe(0);
    expect(await printed(page)).toEqual([]);
    await page.close();
  });

  test('CM-11 CM-12 the error of a lost command rejects with its message', async () => {
    const lost = await loseCommand(server);
    const page = await openPage(server.url);
    const watching = call(page, `watchStream(${JSON.stringify(PROJECT)}, ${JSON.stringify(lost.id)})`);
    await expect(watching).rejects.toThrow(/\S/);
    await expect(watching).rejects.not.toThrow('Connection closed');
    await prints(page, 'Exit code: -1');
    await page.close();
  });

  test('CM-23 D-37 a page of another origin (another port) starts and watches a command', async () => {
    await using elsewhere = await startPage();
    const page = await browser.newPage();
    await page.goto(elsewhere.url);
    await page.addScriptTag({ content: script });
    const url = JSON.stringify(`${server.url}/projects/${PROJECT}/shell`);
    const id = await call<string>(
      page,
      `fetch(${url}, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', 'X-API-Key': ${JSON.stringify(server.key)} },
        body: JSON.stringify({ command: 'echo across' }),
      }).then((response) => response.json()).then(({ data }) => data.id)`,
    );
    const events = JSON.stringify(`${server.url}/projects/${PROJECT}/events?stream_id=${id}`);
    expect(await call<number>(page, `watchUntilRefused(${events})`)).toBe(1);
    await page.close();
  });
});
