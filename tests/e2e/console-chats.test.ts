import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readChat } from '../support/chats.ts';
import { launchChromium } from '../support/chromium.ts';
import { type ModelUpstream, type Script, startModelUpstream } from '../support/model-upstream.ts';
import { findChromium } from '../support/optional.ts';
import { startServer, type TestServer } from '../support/server.ts';

const chromium = findChromium();

describe.skipIf(chromium.missing)('the console’s chats', () => {
  let upstream: ModelUpstream;
  let server: TestServer;
  let browser: Browser;
  let script: Script;
  beforeAll(async () => {
    upstream = await startModelUpstream((say, asked, index) => script(say, asked, index));
    [server, browser] = await Promise.all([
      startServer({ env: { PLAYHEAD_CHAT_BASE_URL: upstream.url, PLAYHEAD_CHAT_MODEL: 'parrot-1' } }),
      launchChromium(chromium),
    ]);
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
    await upstream?.[Symbol.asyncDispose]();
  });

  async function openPage(hash = ''): Promise<Page> {
    const page = await browser.newPage();
    await page.goto(`${server.url}/console/chats.html`);
    await page.fill('#key', server.key);
    await page.dispatchEvent('#key', 'change');
    if (hash !== '') {
      await page.goto(`${server.url}/console/chats.html${hash}`);
      await page.reload();
    }
    return page;
  }

  async function ask(page: Page, prompt: string): Promise<void> {
    await page.fill('#prompt', prompt);
    await page.click('#ask');
  }

  const shows = (page: Page, role: string, text: string | RegExp): Promise<void> =>
    page.locator(`.message.${role}`, { hasText: text }).last().waitFor();
  const chatOf = (page: Page): string => new URL(page.url()).hash.replace('#chat=', '');

  function gated(...pieces: readonly string[]): { goOn: () => void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    script = async (say) => {
      const [first = '', ...rest] = pieces;
      if (first !== '') say.text(first);
      await promise;
      for (const piece of rest) say.text(piece);
      say.end();
    };
    return { goOn: resolve };
  }

  test('CC-27 the question and an empty answer are there at once, then the text as it comes', async () => {
    const { goOn } = gated('', 'Because', ' of the moon.');
    const page = await openPage();
    await ask(page, 'Why the tides?');
    await shows(page, 'user', 'Why the tides?');
    await page.locator('.message.assistant.waiting').waitFor();
    expect(await page.locator('.message.assistant').textContent()).toBe('');
    goOn();
    await shows(page, 'assistant', 'Because of the moon.');
    await page.locator('#state', { hasText: 'idle' }).waitFor();
    expect((await readChat(server, chatOf(page))).messages).toHaveLength(2);
  });

  test('CC-27 fast text is painted at most once in 50 ms', async () => {
    script = async (say) => {
      for (let i = 0; i < 400; i++) {
        say.text(`${i} `);
        if (i % 20 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      say.end();
    };
    const page = await openPage();
    // Every change of a message's text is one painting.
    await page.evaluate(`
      globalThis.paintings = { count: 0, began: 0 };
      const messages = document.getElementById('messages');
      new MutationObserver((records) => {
        paintings.count += records.filter(({ target }) => target !== messages).length;
        paintings.began ||= performance.now();
      }).observe(messages, { childList: true, subtree: true });
    `);
    await ask(page, 'count');
    await shows(page, 'assistant', /399\s*$/);
    const { count, ms } = await page.evaluate<{ count: number; ms: number }>(
      '({ count: paintings.count, ms: performance.now() - paintings.began })',
    );
    // And the two that the question and the end of the answer cost.
    expect(count).toBeLessThanOrEqual(ms / 50 + 4);
  });

  test('CC-27 a page that is reloaded in mid-answer finds it again, and so does a second; stop stops it for both', async () => {
    gated('so far', 'never said');
    const page = await openPage();
    await ask(page, 'Tell me.');
    await shows(page, 'assistant', 'so far');
    await page.reload();
    await shows(page, 'assistant', 'so far');
    await page.locator('#state', { hasText: 'answering' }).waitFor();
    const second = await openPage(`#chat=${chatOf(page)}`);
    await shows(second, 'assistant', 'so far');
    await second.click('#stop');
    for (const one of [page, second]) {
      await one.locator('#state', { hasText: 'idle' }).waitFor();
      await shows(one, 'assistant', 'stopped');
    }
  });

  test('what a model refuses is told, and the question is there to be sent again', async () => {
    script = (say) => say.fail(401);
    const page = await openPage();
    await ask(page, 'Hello?');
    await page.locator('#problem', { hasText: 'refuses the key of this server' }).waitFor();
    expect(await page.inputValue('#prompt')).toBe('Hello?');
    expect(await page.locator('.message').count()).toBe(0);
  });
});
