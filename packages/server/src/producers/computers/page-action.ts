import type { Action } from './action.ts';
import type { ActOptions, Browser } from './browser.ts';
import type { BrowserAction, Refusal } from './browser-action.ts';

/** An action that a page is asked for. */
export type PageAction = Exclude<
  Action,
  { readonly type: 'list_tabs' | 'new_tab' | 'switch_tab' | 'close_tab' | 'change_proxy' | 'debug' }
>;

/** An action as the browser takes it. What it leaves open is asked of the page first, which may refuse. */
export async function browserAction(
  browser: Browser,
  action: PageAction,
  how: ActOptions,
): Promise<BrowserAction | Refusal> {
  switch (action.type) {
    case 'go_to_url':
      return { type: 'navigate', url: action.url };
    case 'click':
      return { type: 'click', x: action.x, y: action.y, button: action.button, count: 1 };
    case 'double_click':
      return { type: 'click', x: action.x, y: action.y, button: 'left', count: 2 };
    case 'right_click':
      return { type: 'click', x: action.x, y: action.y, button: 'right', count: 1 };
    case 'mouse_down':
      return { type: 'mouse-down', x: action.x, y: action.y, button: action.button };
    case 'mouse_up':
      return { type: 'mouse-up', x: action.x, y: action.y, button: action.button };
    case 'drag':
      return { type: 'drag', path: action.path };
    case 'scroll': {
      const { dx, dy, at } = action;
      return { type: 'scroll', dx, dy, ...(at === undefined ? {} : { at }) };
    }
    case 'type':
      return { type: 'type', text: action.text };
    case 'keypress':
      return { type: 'hotkey', keys: action.keys };
    case 'key_down':
      return { type: 'key-down', key: action.key };
    case 'key_up':
      return { type: 'key-up', key: action.key };
    case 'wait':
      return { type: 'wait', ms: action.ms };
    case 'get_html_content':
      return { type: 'html' };
    case 'screenshot': {
      const { format, fullPage, quality } = action;
      return { type: 'screenshot', format, fullPage, ...(quality === undefined ? {} : { quality }) };
    }
    case 'set_viewport': {
      const { width, height, scale } = action;
      if (width !== undefined && height !== undefined && scale !== undefined)
        return { type: 'set-viewport', width, height, scale };
      const stands = await browser.context(how);
      if (stands.kind === 'refused') return stands;
      const { viewport, deviceScaleFactor } = stands.context;
      return {
        type: 'set-viewport',
        width: width ?? Math.round(viewport.width),
        height: height ?? Math.round(viewport.height),
        scale: scale ?? deviceScaleFactor,
      };
    }
  }
}
