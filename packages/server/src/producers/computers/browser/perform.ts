import type { BrowserAction, BrowserOutcome, Point, Refusal } from '../browser-action.ts';
import type { ActOptions } from '../browser.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { Turn } from './actions.ts';
import { findKey, type Key } from './key-layout.ts';
import { pageUrl } from './page-url.ts';
import { readHtml, takeScreenshot } from './page-view.ts';
import { recover } from './recover.ts';
import type { Tab } from './tab.ts';

/** Does one action on a tab, when its turn comes. */
export function perform(
  tab: Tab,
  action: BrowserAction,
  clock: Clock,
  how: ActOptions = {},
): Promise<BrowserOutcome> {
  const navigates = isNavigation(action);
  return tab.actions.run<BrowserOutcome>((turn) => act(tab, action, turn, clock), {
    ...(how.timeoutMs === undefined ? {} : { timeoutMs: how.timeoutMs }),
    ...(how.signal === undefined ? {} : { signal: how.signal }),
    watched: action.type !== 'wait',
    revives: navigates,
  });
}

/** Opens a URL that was checked, in its turn. */
export async function open(tab: Tab, url: string, turn: Turn, clock: Clock): Promise<BrowserOutcome> {
  await recover(tab, clock);
  // If time is up first, the tab does not go there behind its caller's back.
  turn.signal.addEventListener('abort', () => tab.session.tell('Page.stopLoading'), { once: true });
  return tab.navigation.navigate(url, turn);
}

function isNavigation({ type }: BrowserAction): boolean {
  return type === 'navigate' || type === 'reload' || type === 'back' || type === 'forward';
}

async function act(tab: Tab, action: BrowserAction, turn: Turn, clock: Clock): Promise<BrowserOutcome> {
  const { keyboard, pointer, navigation } = tab;
  const done = { kind: 'done', tab: tab.id } as const;
  switch (action.type) {
    case 'navigate': {
      const url = pageUrl(action.url);
      return url.kind === 'url' ? open(tab, url.url, turn, clock) : tab.refuse('invalid-url', url.detail);
    }
    case 'reload':
      await recover(tab, clock);
      return navigation.reload(turn);
    case 'back':
    case 'forward':
      await recover(tab, clock);
      return navigation.travel(action.type === 'back' ? -1 : 1, turn);
    case 'click': {
      const { button, count } = action;
      return within(tab, [action]) ?? (await pointer.click(action, button, count), done);
    }
    case 'drag':
      if (action.path.length < 2) return tab.refuse('outside-page', 'A drag needs two points at least.');
      return within(tab, action.path) ?? (await pointer.drag(action.path), done);
    case 'scroll': {
      const { width, height } = tab.viewport;
      const at = action.at ?? { x: width / 2, y: height / 2 };
      return within(tab, [at]) ?? (await pointer.scroll(at, action.dx, action.dy), done);
    }
    case 'mouse-move':
      return within(tab, [action]) ?? (await pointer.move(action), done);
    case 'mouse-down':
      return within(tab, [action]) ?? (await pointer.down(action, action.button, 1), done);
    case 'mouse-up':
      return within(tab, [action]) ?? (await pointer.up(action, action.button, 1), done);
    case 'type':
      await keyboard.type(action.text, () => turn.over);
      return done;
    case 'hotkey':
      return withKeys(tab, action.keys, (keys) => keyboard.press(keys));
    case 'key-down':
      return withKeys(tab, [action.key], ([key]) => key && keyboard.down(key));
    case 'key-up':
      return withKeys(tab, [action.key], ([key]) => key && keyboard.up(key));
    case 'wait':
      await new Promise<void>((resolve) => clock.after(action.ms, resolve));
      return done;
    case 'screenshot':
      return takeScreenshot(tab, {
        format: action.format,
        quality: action.quality ?? 80,
        fullPage: action.fullPage ?? false,
      });
    case 'html':
      return readHtml(tab);
    case 'set-viewport':
      await tab.resize({ width: action.width, height: action.height, scale: action.scale });
      return done;
  }
}

function within(tab: Tab, points: readonly Point[]): Refusal | undefined {
  const { width, height } = tab.viewport;
  for (const { x, y } of points) {
    if (x >= 0 && y >= 0 && x < width && y < height) continue;
    return tab.refuse('outside-page', `(${x}, ${y}) is not in the page: it is ${width} × ${height}.`);
  }
  return undefined;
}

async function withKeys(
  tab: Tab,
  names: readonly string[],
  press: (keys: readonly Key[]) => Promise<void> | undefined,
): Promise<BrowserOutcome> {
  const keys: Key[] = [];
  for (const name of names) {
    const key = findKey(name);
    if (key === undefined)
      return tab.refuse('unknown-key', `There is no key ${JSON.stringify(name.slice(0, 40))}.`);
    keys.push(key);
  }
  await press(keys);
  return { kind: 'done', tab: tab.id };
}
