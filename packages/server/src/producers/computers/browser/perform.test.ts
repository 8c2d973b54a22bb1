import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Browser } from '../browser.ts';
import type { BrowserAction } from '../browser-action.ts';
import { type TestBrowsers, testBrowsers, type TestSite, testSite } from './browsers.fixture.ts';
import { jpegSize, pngSize } from './image-size.ts';

/** Writes what happens to it into its own text. */
const RECORDER = `<!doctype html><title>recorder</title>
<style>body{margin:0;height:3000px;width:2000px}#field{position:absolute;left:10px;top:200px;width:300px;height:50px}
#from,#to{position:absolute;top:300px;width:100px;height:100px;background:red}#to{left:300px;background:blue}
#log{display:none}</style>
<pre id=log></pre><textarea id=field></textarea><div id=from draggable=true></div><div id=to></div>
<script>
const note = (line) => { log.textContent += line + '\\n'; };
for (const type of ['mousedown', 'mouseup', 'click', 'dblclick', 'contextmenu'])
  addEventListener(type, (e) => note([e.type, e.clientX, e.clientY, e.button, e.detail].join(' ')));
for (const type of ['keydown', 'keyup'])
  addEventListener(type, (e) => note([e.type, e.key, e.code].join(' ') + (e.ctrlKey ? ' ctrl' : '') + (e.shiftKey ? ' shift' : '')));
addEventListener('contextmenu', (e) => e.preventDefault());
field.addEventListener('input', () => note('value ' + JSON.stringify(field.value)));
from.addEventListener('dragstart', (e) => { e.dataTransfer.setData('text/plain', 'cargo'); note('dragstart'); });
to.addEventListener('dragover', (e) => e.preventDefault());
to.addEventListener('drop', (e) => { e.preventDefault(); note('drop ' + e.dataTransfer.getData('text/plain')); });
</script>`;

let site: TestSite;
let here: TestBrowsers;
let browser: Browser;

beforeAll(async () => {
  site = await testSite({
    '/': RECORDER,
    '/field':
      '<textarea id=field autofocus></textarea><p id=p></p><script>field.oninput=()=>{p.textContent=field.value.length+field.value.slice(-9)}</script>',
    '/html': '<!DOCTYPE html><title>ü</title><p id=p>one</p><script>p.textContent="two"</script>',
    '/liar':
      '<title>liar</title><script>Object.defineProperty(Element.prototype,"outerHTML",{get:()=>"lie"});String.prototype.slice=()=>"lie"</script>',
    '/tall': '<body style="margin:0;background:#000;height:1500px">',
  });
  here = await testBrowsers();
  ({ browser } = await here.open());
});
afterAll(async () => {
  await here[Symbol.asyncDispose]();
  await site[Symbol.asyncDispose]();
});
beforeEach(() => go('/'));

async function go(path: string): Promise<void> {
  expect(await browser.act({ type: 'navigate', url: `${site.url}${path}` })).toMatchObject({ loaded: true });
}

async function does(action: BrowserAction): Promise<void> {
  expect(await browser.act(action)).toEqual({ kind: 'done', tab: 'tab_1' });
}

async function html(): Promise<string> {
  const outcome = await browser.act({ type: 'html' });
  if (outcome.kind !== 'html') throw new Error(JSON.stringify(outcome));
  return outcome.html;
}

/** What the recorder has noted, since it was loaded. */
async function log(): Promise<readonly string[]> {
  const text = /<pre id="log">([^]*?)<\/pre>/.exec(await html())?.[1] ?? '';
  return text.split('\n').filter((line) => line !== '');
}

const typed = async (): Promise<string | undefined> =>
  (await log()).findLast((line) => line.startsWith('value'))?.slice('value '.length);

describe('the mouse', () => {
  test('clicks, twice, and with each button', async () => {
    await does({ type: 'click', x: 5, y: 6, button: 'left', count: 1 });
    await does({ type: 'click', x: 50.5, y: 6, button: 'left', count: 2 });
    await does({ type: 'click', x: 5, y: 60, button: 'right', count: 1 });
    await does({ type: 'click', x: 5, y: 61, button: 'middle', count: 1 });
    expect(await log()).toEqual([
      ...['mousedown 5 6 0 1', 'mouseup 5 6 0 1', 'click 5 6 0 1'],
      ...['mousedown 50 6 0 1', 'mouseup 50 6 0 1', 'click 50 6 0 1'],
      ...['mousedown 50 6 0 2', 'mouseup 50 6 0 2', 'click 50 6 0 2', 'dblclick 50 6 0 2'],
      ...['mousedown 5 60 2 1', 'contextmenu 5 60 2 0', 'mouseup 5 60 2 1'],
      ...['mousedown 5 61 1 1', 'mouseup 5 61 1 1'],
    ]);
  });

  test('is held between two actions', async () => {
    await does({ type: 'mouse-down', x: 5, y: 5, button: 'left' });
    await does({ type: 'mouse-move', x: 7, y: 7 });
    await does({ type: 'mouse-up', x: 9, y: 9, button: 'left' });
    expect(await log()).toEqual(['mousedown 5 5 0 1', 'mouseup 9 9 0 1', 'click 9 9 0 1']);
  });

  test('drags what a page lets be dragged, and whatever else', async () => {
    const path = (x: number, y: number): BrowserAction => ({
      type: 'drag',
      path: [
        { x: 50, y: 350 },
        { x, y },
      ],
    });
    await does(path(350, 350));
    expect(await log()).toEqual(['mousedown 50 350 0 1', 'dragstart', 'drop cargo']);
    await does({
      type: 'drag',
      path: [
        { x: 500, y: 20 },
        { x: 510, y: 40 },
        { x: 520, y: 60 },
      ],
    });
    expect((await log()).slice(3)).toEqual([
      'mousedown 500 20 0 1',
      'mouseup 520 60 0 1',
      'click 520 60 0 1',
    ]);
  });

  test('turns its wheel, in the middle if no place is given', async () => {
    await does({ type: 'scroll', dx: 30, dy: 400 });
    await does({ type: 'scroll', dx: 0, dy: -100, at: { x: 10, y: 10 } });
    await expect.poll(async () => (await context()).scroll).toEqual({ x: 30, y: 300 });
  });

  test('does not leave the page', async () => {
    for (const [x, y] of [
      [-1, 0],
      [800, 0],
      [0, 600],
      [Number.NaN, 1],
    ] as const) {
      expect(await browser.act({ type: 'click', x, y, button: 'left', count: 1 })).toMatchObject({
        kind: 'refused',
        reason: 'outside-page',
      });
    }
    expect(await browser.act({ type: 'drag', path: [{ x: 1, y: 1 }] })).toMatchObject({
      reason: 'outside-page',
    });
    expect(await log()).toEqual([]);
  });
});

describe('the keyboard', () => {
  beforeEach(() => does({ type: 'click', x: 100, y: 220, button: 'left', count: 1 }));

  test('types, with capitals, signs, and what no key has', async () => {
    await does({ type: 'type', text: 'Hi, "You"!\nünïçødé 🙂' });
    expect(await typed()).toBe(JSON.stringify('Hi, "You"!\nünïçødé 🙂'));
    expect(await log()).toContain('keydown H KeyH');
    expect(await log()).toContain('keydown Enter Enter');
  });

  test('puts in the rest of a long text', async () => {
    const text = 'long text🙂 '.repeat(200);
    await go('/field');
    await does({ type: 'type', text });
    expect(await html()).toContain(`<p id="p">2400${text.slice(-9)}</p>`);
  });

  test('presses keys together', async () => {
    await does({ type: 'type', text: 'abc' });
    await does({ type: 'hotkey', keys: ['ctrl', 'a'] });
    await does({ type: 'hotkey', keys: ['Backspace'] });
    expect(await typed()).toBe('""');
    expect((await log()).filter((line) => line.includes('Control') || line.includes('ctrl'))).toEqual([
      'keydown Control ControlLeft ctrl',
      'keydown a KeyA ctrl',
      'keyup a KeyA ctrl',
      'keyup Control ControlLeft',
    ]);
  });

  test('holds a key over other actions', async () => {
    await does({ type: 'key-down', key: 'shift' });
    await does({ type: 'hotkey', keys: ['a'] });
    await does({ type: 'hotkey', keys: ['1'] });
    await does({ type: 'key-up', key: 'SHIFT' });
    await does({ type: 'hotkey', keys: ['a'] });
    expect(await typed()).toBe('"A!a"');
  });

  test('copies and pastes', async () => {
    await does({ type: 'type', text: 'twice ' });
    for (const key of ['a', 'c', 'v', 'v']) await does({ type: 'hotkey', keys: ['ctrl', key] });
    expect(await typed()).toBe('"twice twice "');
  });

  test('has no such key', async () => {
    for (const action of [
      { type: 'hotkey', keys: ['ctrl', 'nokey'] },
      { type: 'key-down', key: '' },
    ] as const)
      expect(await browser.act(action)).toMatchObject({
        kind: 'refused',
        reason: 'unknown-key',
        tab: 'tab_1',
      });
  });
});

async function context(): Promise<
  Extract<Awaited<ReturnType<Browser['context']>>, { kind: 'done' }>['context']
> {
  const outcome = await browser.context();
  if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
  return outcome.context;
}

describe('looking', () => {
  test('a screenshot is what is in the viewport, or all of the page', async () => {
    await go('/tall');
    const png = await browser.act({ type: 'screenshot', format: 'png' });
    expect(png).toMatchObject({ kind: 'screenshot', width: 800, height: 600, scale: 1, format: 'png' });
    if (png.kind === 'screenshot')
      expect(pngSize(Buffer.from(png.image))).toEqual({ width: 800, height: 600 });
    const all = await browser.act({ type: 'screenshot', format: 'jpeg', quality: 10, fullPage: true });
    expect(all).toMatchObject({ width: 800, height: 1500, scale: 1 });
    if (all.kind === 'screenshot')
      expect(jpegSize(Buffer.from(all.image))).toEqual({ width: 800, height: 1500 });
  });

  test('the viewport and its scale can be changed', async () => {
    await does({ type: 'set-viewport', width: 400, height: 300, scale: 2 });
    try {
      expect(await browser.act({ type: 'screenshot', format: 'png' })).toMatchObject({
        ...{ width: 800, height: 600, scale: 2 },
      });
      expect(await context()).toMatchObject({ viewport: { width: 400, height: 300 }, deviceScaleFactor: 2 });
      expect(await browser.act({ type: 'click', x: 500, y: 5, button: 'left', count: 1 })).toMatchObject({
        reason: 'outside-page',
      });
    } finally {
      await does({ type: 'set-viewport', width: 800, height: 600, scale: 1 });
    }
  });

  test('the html is the document as it is now, with its doctype', async () => {
    await go('/html');
    expect(await html()).toMatch(/^<!DOCTYPE html>\n<html><head><title>ü<\/title>.*<p id="p">two<\/p>/);
  });

  test('SECURITY a page does not change what is read of it', async () => {
    await go('/liar');
    expect(await html()).toContain('<title>liar</title>');
  });

  test('the context tells where the page stands', async () => {
    expect(await context()).toEqual({
      ...{ tab: 'tab_1', main: true, url: `${site.url}/`, title: 'recorder' },
      ...{ viewport: { width: 800, height: 600 }, page: { width: 2000, height: 3000 } },
      ...{ scroll: { x: 0, y: 0 }, deviceScaleFactor: 1 },
    });
  });
});

describe('waiting', () => {
  test('takes its time, no longer than there is, and can be given up', async () => {
    await does({ type: 'wait', ms: 1 });
    expect(await browser.act({ type: 'wait', ms: 60_000 }, { timeoutMs: 20 })).toMatchObject({
      reason: 'timed-out',
    });
    const controller = new AbortController();
    const waiting = browser.act({ type: 'wait', ms: 60_000 }, { signal: controller.signal });
    const behind = browser.act({ type: 'wait', ms: 1 });
    controller.abort();
    expect(await waiting).toMatchObject({ reason: 'aborted' });
    expect(await behind).toMatchObject({ kind: 'done' });
    expect(await browser.act({ type: 'wait', ms: 1 }, { tab: 'tab_99' })).toMatchObject({
      reason: 'no-such-tab',
    });
  });
});
