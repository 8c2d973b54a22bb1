import type { MouseButton } from './browser-action.ts';

/**
 * What somebody who watches does with mouse, keyboard and fingers. Coordinates are CSS pixels of the viewport: the
 * pixels of a frame divided by its scale. What lies outside is moved to the edge.
 */
export type BrowserInput =
  | {
      readonly type: 'mouse';
      readonly action: 'move' | 'down' | 'up';
      readonly x: number;
      readonly y: number;
      /** Of a move: null, or the button that is held. */
      readonly button: MouseButton | null;
      /** 1, or 2 for the second press of a double click. Default 1. */
      readonly count?: number;
      readonly modifiers?: Modifiers;
    }
  | {
      readonly type: 'wheel';
      readonly x: number;
      readonly y: number;
      /** CSS pixels, as in the DOM's WheelEvent. */
      readonly dx: number;
      readonly dy: number;
      readonly modifiers?: Modifiers;
    }
  | {
      readonly type: 'key';
      readonly action: 'down' | 'up';
      /** `key` and `code` as in the DOM's KeyboardEvent, e.g. `a` and `KeyA`, `Enter` and `Enter`. */
      readonly key: string;
      readonly code: string;
      readonly repeat?: boolean;
      readonly modifiers?: Modifiers;
    }
  /** Put in as it is: what an input method composed, or the clipboard held. */
  | { readonly type: 'text'; readonly text: string }
  | {
      readonly type: 'touch';
      readonly action: 'start' | 'move' | 'end' | 'cancel';
      /** The fingers that are down; at `end` and `cancel` those that are left. At most 10. */
      readonly points: readonly TouchPoint[];
      readonly modifiers?: Modifiers;
    };

export interface TouchPoint {
  readonly id: number;
  readonly x: number;
  readonly y: number;
}

export interface Modifiers {
  readonly alt?: boolean;
  readonly ctrl?: boolean;
  readonly meta?: boolean;
  readonly shift?: boolean;
}

/**
 * `taken`: it is on its way. Moves and turns of the wheel that the page has not taken yet become one, so a slow page
 * lags by one of them. `dropped`: so much waits for the page that it must hang.
 */
export type InputOutcome = 'taken' | 'dropped' | 'no-such-tab' | 'unknown-key' | 'browser-gone';
