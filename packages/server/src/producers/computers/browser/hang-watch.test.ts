import { expect, test } from 'vitest';
import { manualClock } from '../../../runtime/manual-clock.ts';
import { createHangWatch } from './hang-watch.ts';

interface Scene {
  readonly clock: ReturnType<typeof manualClock>;
  readonly watch: ReturnType<typeof createHangWatch>;
  readonly told: string[];
  readonly page: (() => void)[];
  readonly browser: (() => void)[];
}

function scene(): Scene {
  const clock = manualClock();
  const told: string[] = [];
  const page: (() => void)[] = [];
  const browser: (() => void)[] = [];
  const watch = createHangWatch({
    clock,
    hangMs: 100,
    askPage: () => new Promise<void>((resolve) => page.push(resolve)),
    askBrowser: () => new Promise<void>((resolve) => browser.push(resolve)),
    pageHangs: () => told.push('hangs'),
    pageResponds: () => told.push('responds'),
    browserHangs: () => told.push('browser hangs'),
  });
  return { clock, watch, told, page, browser };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a page is asked only while something waits for it', async () => {
  const { clock, watch, page } = scene();
  clock.advance(1_000);
  const waiting = watch.begin();
  clock.advance(99);
  waiting[Symbol.dispose]();
  clock.advance(1_000);
  expect(page).toHaveLength(0);
  const again = watch.begin();
  clock.advance(100);
  expect(page).toHaveLength(1);
  page[0]?.();
  await turn();
  clock.advance(100);
  expect(page).toHaveLength(2);
  again[Symbol.dispose]();
});

test('a page that does not answer hangs, until it does', async () => {
  const { clock, watch, told, page, browser } = scene();
  using _waiting = watch.begin();
  clock.advance(100);
  browser[0]?.();
  await turn();
  clock.advance(100);
  expect(watch.hangs).toBe(true);
  page[0]?.();
  await turn();
  expect(watch.hangs).toBe(false);
  expect(told).toEqual(['hangs', 'responds']);
});

test('another page is not asked for what the one before owes', async () => {
  const { clock, watch, told, page } = scene();
  using _waiting = watch.begin();
  clock.advance(150);
  watch.renew();
  clock.advance(99);
  expect(told).toEqual([]);
  clock.advance(1);
  expect(page).toHaveLength(2);
  page[0]?.();
  await turn();
  clock.advance(100);
  expect(told).toContain('hangs');
  watch.renew();
  expect(told).toContain('responds');
  page[1]?.();
  await turn();
  expect(watch.hangs).toBe(false);
});

test('a browser that does not answer either is told first', () => {
  const { clock, watch, told } = scene();
  using _waiting = watch.begin();
  clock.advance(200);
  expect(told).toEqual(['browser hangs', 'hangs']);
});
