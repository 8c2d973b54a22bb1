import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Browser } from '../browser.ts';
import type { BrowserInput } from '../browser-input.ts';
import { type TestBrowsers, testBrowsers, type TestSite, testSite } from './browsers.fixture.ts';

const RECORDER = `<!doctype html><title>recorder</title><style>body{margin:0;height:5000px}</style>
<pre id=log style="display:none"></pre><textarea id=field style="position:absolute;left:0;top:0;width:200px;height:100px"></textarea>
<script>
const note = (line) => { log.textContent += line + '\\n'; };
for (const type of ['mousedown', 'mouseup', 'click', 'dblclick']) addEventListener(type, (e) => note([e.type, e.clientX, e.clientY].join(' ')));
for (const type of ['touchstart', 'touchmove', 'touchend']) addEventListener(type, (e) => note(type + ' ' + e.touches.length));
addEventListener('keydown', (e) => note(['keydown', e.key, e.code, e.ctrlKey].join(' ')));
field.addEventListener('input', () => note('value ' + field.value));
</script>`;

let site: TestSite;
let here: TestBrowsers;
let browser: Browser;

beforeAll(async () => {
  site = await testSite({
    '/': RECORDER,
    '/loop': '<title>loop</title><script>onmousedown=()=>{for(;;);}</script>',
  });
  here = await testBrowsers();
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await browser?.[Symbol.asyncDispose]();
  ({ browser } = await here.open());
  await browser.act({ type: 'navigate', url: `${site.url}/` });
});

function give(...inputs: readonly BrowserInput[]): void {
  for (const input of inputs) expect(browser.input(input)).toBe('taken');
}

async function log(): Promise<readonly string[]> {
  const outcome = await browser.act({ type: 'html' });
  const text =
    outcome.kind === 'html' ? (/<pre id="log"[^>]*>([^]*?)<\/pre>/.exec(outcome.html)?.[1] ?? '') : '';
  return text.split('\n').filter((line) => line !== '');
}

test('the mouse of somebody who watches arrives in order, at the edge if it is outside', async () => {
  give(
    { type: 'mouse', action: 'move', x: 300, y: 300, button: null },
    { type: 'mouse', action: 'down', x: 300, y: 300, button: 'left' },
    { type: 'mouse', action: 'up', x: 300, y: 300, button: 'left' },
    { type: 'mouse', action: 'down', x: 9_999, y: -5, button: 'left' },
    { type: 'mouse', action: 'up', x: 9_999, y: -5, button: 'left' },
  );
  await expect
    .poll(log)
    .toEqual([
      ...['mousedown 300 300', 'mouseup 300 300', 'click 300 300'],
      ...['mousedown 799 0', 'mouseup 799 0', 'click 799 0'],
    ]);
});

test('keys and text are typed', async () => {
  give(
    { type: 'mouse', action: 'down', x: 50, y: 50, button: 'left' },
    { type: 'mouse', action: 'up', x: 50, y: 50, button: 'left' },
    { type: 'key', action: 'down', key: 'a', code: 'KeyA' },
    { type: 'key', action: 'up', key: 'a', code: 'KeyA' },
    { type: 'key', action: 'down', key: 'B', code: 'KeyB', modifiers: { shift: true } },
    { type: 'key', action: 'up', key: 'B', code: 'KeyB' },
    { type: 'text', text: 'ü🙂' },
    { type: 'key', action: 'down', key: 'b', code: 'KeyB', modifiers: { ctrl: true } },
  );
  await expect.poll(log).toContain('value aBü🙂');
  await expect.poll(log).toContain('keydown b KeyB true');
  expect(browser.input({ type: 'key', action: 'down', key: 'NoSuchKey', code: 'NoSuchCode' })).toBe(
    'unknown-key',
  );
});

test('the wheel adds up, and fingers are fingers', async () => {
  for (let turn = 0; turn < 20; turn++) give({ type: 'wheel', x: 400, y: 400, dx: 0, dy: 20 });
  const scrolled = async (): Promise<number> => {
    const outcome = await browser.context();
    return outcome.kind === 'done' ? outcome.context.scroll.y : -1;
  };
  await expect.poll(scrolled).toBe(400);
  give(
    { type: 'touch', action: 'start', points: [{ id: 1, x: 300, y: 300 }] },
    {
      type: 'touch',
      action: 'start',
      points: [
        { id: 1, x: 300, y: 300 },
        { id: 2, x: 320, y: 300 },
      ],
    },
    { type: 'touch', action: 'end', points: [] },
  );
  await expect.poll(log).toContain('touchstart 2');
});

test('what a hanging page does not take is bounded, and then dropped', async () => {
  await browser.act({ type: 'navigate', url: `${site.url}/loop` });
  const outcomes = new Set<string>();
  for (let press = 0; press < 400; press++)
    outcomes.add(browser.input({ type: 'mouse', action: 'down', x: 5, y: 5, button: 'left' }));
  expect(outcomes).toEqual(new Set(['taken', 'dropped']));
  expect(browser.input({ type: 'text', text: 'x' }, 'tab_9')).toBe('no-such-tab');
});
