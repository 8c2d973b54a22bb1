import type { TabId, Viewport } from './browser.ts';

/** What can be asked of a page. Coordinates are CSS pixels from the top left of the viewport. */
export type BrowserAction =
  /** `http:` and `https:`, `about:blank`, `data:`. Resolves when the page has loaded, or says that it still does. */
  | { readonly type: 'navigate'; readonly url: string }
  /** `count` 2 is a double click. */
  | {
      readonly type: 'click';
      readonly x: number;
      readonly y: number;
      readonly button: MouseButton;
      readonly count: 1 | 2 | 3;
    }
  /** At least two points; pressed at the first, released at the last. */
  | { readonly type: 'drag'; readonly path: readonly Point[] }
  /** The wheel, turned at a point, or in the middle: positive `dy` moves down, positive `dx` right. */
  | { readonly type: 'scroll'; readonly dx: number; readonly dy: number; readonly at?: Point }
  /** As if typed: keys where the keyboard has them, else inserted. A line feed is Enter, a tab is Tab. */
  | { readonly type: 'type'; readonly text: string }
  /**
   * All pressed in order, released in reverse, e.g. `ctrl`, `shift`, `t`. One key is a key press. A key is one
   * character, or a name in any case: shift, ctrl, alt, meta, enter, escape, tab, backspace, delete, space, arrowup,
   * home, end, pageup, pagedown, f1 to f24, …
   */
  | { readonly type: 'hotkey'; readonly keys: readonly string[] }
  /** It stays down, also over other actions, until its key-up. */
  | { readonly type: 'key-down' | 'key-up'; readonly key: string }
  | { readonly type: 'mouse-move'; readonly x: number; readonly y: number }
  | {
      readonly type: 'mouse-down' | 'mouse-up';
      readonly x: number;
      readonly y: number;
      readonly button: MouseButton;
    }
  | { readonly type: 'wait'; readonly ms: number }
  /** What is in the viewport, or with `fullPage` all of the page, up to 16,384 pixels each way. */
  | {
      readonly type: 'screenshot';
      readonly format: 'png' | 'jpeg';
      /** 1 to 100; of JPEG alone. */
      readonly quality?: number;
      readonly fullPage?: boolean;
    }
  /** The document as it stands now, with its doctype; beyond 16 MiB it is cut, and the outcome says so. */
  | { readonly type: 'html' }
  | ({ readonly type: 'set-viewport' } & Viewport)
  | { readonly type: 'back' | 'forward' | 'reload' };

export type MouseButton = 'left' | 'middle' | 'right';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** What came of it. `tab` is the one where it was done. */
export type BrowserOutcome =
  | { readonly kind: 'done'; readonly tab: TabId }
  | {
      readonly kind: 'navigated';
      readonly tab: TabId;
      /** Where it led, behind all redirects. */
      readonly url: string;
      /** The HTTP status; null where there is none, e.g. within a page. */
      readonly status: number | null;
      /** False: it is shown and still loads; the time to wait for that was up. */
      readonly loaded: boolean;
    }
  | {
      readonly kind: 'screenshot';
      readonly tab: TabId;
      readonly image: Uint8Array;
      readonly format: 'png' | 'jpeg';
      /** Of the image, in pixels. */
      readonly width: number;
      readonly height: number;
      /** Pixels of the image for each CSS pixel. */
      readonly scale: number;
    }
  | { readonly kind: 'html'; readonly tab: TabId; readonly html: string; readonly cut: boolean }
  | Refusal;

/** Why nothing, or not all of it, was done. The browser lives on, but for `browser-gone`. */
export interface Refusal {
  readonly kind: 'refused';
  readonly reason: RefusalReason;
  /** A sentence for the caller. It may quote what the caller gave, never what a server of ours knows. */
  readonly detail: string;
  /** Absent where no tab is meant. */
  readonly tab?: TabId;
}

export type RefusalReason =
  /** There is none of that id, or no longer. */
  | 'no-such-tab'
  /** It was closed while this went on. */
  | 'tab-closed'
  | 'last-tab'
  | 'too-many-tabs'
  /** A point that is not in the viewport. */
  | 'outside-page'
  | 'unknown-key'
  /** Not a URL, or of a scheme that pages may not have. */
  | 'invalid-url'
  /** The proxy refuses it: an address that is not allowed. */
  | 'url-forbidden'
  /** The name does not resolve, nobody answers, the answer is broken, or it is a download. */
  | 'navigation-failed'
  /** Another navigation came in between. */
  | 'navigation-replaced'
  | 'timed-out'
  /** As much waits for this tab as may. */
  | 'too-many-actions'
  /** The page does not answer: it is in an endless loop, or has no memory left. */
  | 'not-responding'
  /** The page's process is gone. Navigate to have another. */
  | 'page-crashed'
  /** The browser says no, e.g. it has no memory for so large a picture. */
  | 'failed'
  | 'aborted'
  | 'browser-gone';
