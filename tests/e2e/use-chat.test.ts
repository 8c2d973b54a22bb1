import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { build, type Rolldown } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeChat, readChat } from '../support/chats.ts';
import { launchChromium } from '../support/chromium.ts';
import { type ModelUpstream, type Script, startModelUpstream } from '../support/model-upstream.ts';
import { ROOT } from '../support/node-program.ts';
import { findChromium } from '../support/optional.ts';
import { type PageServer, startPage } from '../support/page-server.ts';
import { startServer, type TestServer } from '../support/server.ts';

const chromium = findChromium();

describe.skipIf(chromium.missing)('useChat of the AI SDK', () => {
  let upstream: ModelUpstream;
  let server: TestServer;
  let browser: Browser;
  let pages: PageServer;
  let script: Script;

  beforeAll(async () => {
    upstream = await startModelUpstream((say, asked, index) => script(say, asked, index));
    [server, browser, pages] = await Promise.all([
      startServer({ env: { PLAYHEAD_CHAT_BASE_URL: upstream.url, PLAYHEAD_CHAT_MODEL: 'parrot-1' } }),
      launchChromium(chromium),
      bundle().then((app) =>
        startPage(`<!doctype html><title>chat</title><body><script type="module">${app}</script>`),
      ),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await pages?.[Symbol.asyncDispose]();
    await upstream?.[Symbol.asyncDispose]();
  });

  async function open(chat: string): Promise<Page> {
    const page = await browser.newPage();
    const told = new URLSearchParams({ url: server.url, key: server.key, chat });
    await page.goto(`${pages.url}/#${told.toString()}`);
    await page.locator('#ask').waitFor();
    return page;
  }

  const shown = (page: Page, role: string, text: string): Promise<void> =>
    page.locator(`p.${role}`, { hasText: new RegExp(`^${text}$`) }).waitFor();

  test('P-490 P-491 a page that is reloaded in mid-answer loses nothing, and neither does a second', async () => {
    const { promise, resolve: goOn } = Promise.withResolvers<void>();
    script = async (say) => {
      say.text('Once upon');
      say.text(' a time');
      await promise;
      say.text(', and ever after.');
      say.end();
    };
    const chat = await makeChat(server);
    const page = await open(chat);
    await page.click('#ask');
    await shown(page, 'assistant', 'Once upon a time');
    await page.reload();
    await shown(page, 'user', 'Tell me a story\\.');
    await shown(page, 'assistant', 'Once upon a time');
    const second = await open(chat);
    await shown(second, 'assistant', 'Once upon a time');
    goOn();
    for (const one of [page, second]) {
      await shown(one, 'assistant', 'Once upon a time, and ever after\\.');
      await one.locator('#status', { hasText: 'ready' }).waitFor();
      expect(await one.locator('p.user').count()).toBe(1);
      expect(await one.locator('p.assistant').count()).toBe(1);
    }
    await page.reload();
    await shown(page, 'assistant', 'Once upon a time, and ever after\\.');
    expect((await readChat(server, chat)).messages).toHaveLength(2);
  });
});

/** The page's program as one text that a script element can hold. */
async function bundle(): Promise<string> {
  const built = (await build({
    configFile: false,
    logLevel: 'error',
    root: join(ROOT, 'tests/e2e/use-chat'),
    define: { 'process.env.NODE_ENV': '"production"' },
    build: { write: false, target: 'esnext', lib: { entry: 'page.mjs', formats: ['es'] } },
  })) as Rolldown.RolldownOutput[];
  const code = built[0]?.output[0].code ?? '';
  return code.replaceAll('</script', String.raw`<\/script`);
}
