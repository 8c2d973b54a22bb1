import type { BrowserInput, InputOutcome, Modifiers } from '../browser-input.ts';
import type { CdpParams } from './cdp.ts';
import type { CdpSession } from './cdp-connection.ts';
import { keyOfEvent, MODIFIER } from './key-layout.ts';

/**
 * The hands of those who watch. What they do goes to the page in order and at once; of moves and turns of the wheel
 * that come faster than the page takes them, the last move counts and turns add up.
 */
export interface LiveInput {
  take(input: BrowserInput, viewport: { readonly width: number; readonly height: number }): InputOutcome;
}

type Mouse = CdpParams<'Input.dispatchMouseEvent'>;
type Touch = CdpParams<'Input.dispatchTouchEvent'>;

/** What waits for the page to take it. */
const WAITING_MAX = 256;
const TEXT_MAX = 64 * 1024;
const FINGERS_MAX = 10;
const BIT = { left: 1, right: 2, middle: 4 } as const;
const TOUCH = { start: 'touchStart', move: 'touchMove', end: 'touchEnd', cancel: 'touchCancel' } as const;

export function createLiveInput(session: CdpSession): LiveInput {
  let waiting = 0;
  let buttons = 0;
  let move: Mouse | undefined;
  let wheel: Mouse | undefined;
  let fingers: Touch | undefined;

  function sent(promise: Promise<unknown>): InputOutcome {
    waiting++;
    // A page that is gone takes nothing, and that is told elsewhere.
    promise
      .catch(() => undefined)
      .finally(() => {
        waiting--;
        if (waiting === 0) flush();
      });
    return 'taken';
  }

  /** Sends what was held back, so that whatever comes next comes behind it. */
  function flush(): void {
    const held = [move, wheel];
    const touch = fingers;
    move = undefined;
    wheel = undefined;
    fingers = undefined;
    for (const event of held) if (event !== undefined) sent(session.send('Input.dispatchMouseEvent', event));
    if (touch !== undefined) sent(session.send('Input.dispatchTouchEvent', touch));
  }

  function mouse(event: Mouse): InputOutcome {
    if (waiting > 0 && event.type === 'mouseMoved') {
      if (wheel !== undefined) flush();
      move = event;
      return 'taken';
    }
    if (waiting > 0 && event.type === 'mouseWheel') {
      const { deltaX = 0, deltaY = 0 } = wheel ?? {};
      wheel = { ...event, deltaX: deltaX + (event.deltaX ?? 0), deltaY: deltaY + (event.deltaY ?? 0) };
      return 'taken';
    }
    flush();
    return sent(session.send('Input.dispatchMouseEvent', event));
  }

  function key(input: Extract<BrowserInput, { type: 'key' }>): InputOutcome {
    const found = keyOfEvent(input.key, input.code);
    if (found === undefined) return 'unknown-key';
    const modifiers = bitsOf(input.modifiers);
    const text = input.action === 'down' && (modifiers & ~MODIFIER.Shift) === 0 ? found.text : '';
    flush();
    return sent(
      session.send('Input.dispatchKeyEvent', {
        type: input.action === 'up' ? 'keyUp' : text === '' ? 'rawKeyDown' : 'keyDown',
        key: found.key,
        code: found.code,
        windowsVirtualKeyCode: found.keyCode,
        nativeVirtualKeyCode: found.keyCode,
        ...(text === '' ? {} : { text, unmodifiedText: text }),
        autoRepeat: input.repeat ?? false,
        modifiers,
      }),
    );
  }

  return {
    take(input, viewport) {
      if (waiting >= WAITING_MAX) return 'dropped';
      const x = 'x' in input ? within(input.x, viewport.width) : 0;
      const y = 'y' in input ? within(input.y, viewport.height) : 0;
      switch (input.type) {
        case 'mouse': {
          const { action, button, count = 1 } = input;
          if (action === 'down' && button !== null) buttons |= BIT[button];
          if (action === 'up' && button !== null) buttons &= ~BIT[button];
          const type = { move: 'mouseMoved', down: 'mousePressed', up: 'mouseReleased' } as const;
          const common = { type: type[action], x, y, buttons, modifiers: bitsOf(input.modifiers) };
          return mouse({
            ...common,
            button: button ?? 'none',
            ...(action === 'move' ? {} : { clickCount: count }),
          });
        }
        case 'wheel':
          return mouse({
            ...{ type: 'mouseWheel', x, y, buttons },
            ...{ deltaX: input.dx, deltaY: input.dy, modifiers: bitsOf(input.modifiers) },
          });
        case 'key':
          return key(input);
        case 'text':
          flush();
          return sent(
            session.send('Input.insertText', { text: input.text.slice(0, TEXT_MAX).toWellFormed() }),
          );
        case 'touch': {
          const touchPoints = input.points.slice(0, FINGERS_MAX).map((point) => ({
            id: point.id,
            x: within(point.x, viewport.width),
            y: within(point.y, viewport.height),
          }));
          const event = { type: TOUCH[input.action], touchPoints, modifiers: bitsOf(input.modifiers) };
          if (waiting > 0 && input.action === 'move') {
            fingers = event;
            return 'taken';
          }
          flush();
          return sent(session.send('Input.dispatchTouchEvent', event));
        }
      }
    },
  };
}

function within(value: number, size: number): number {
  return Math.min(Math.max(0, Number.isFinite(value) ? value : 0), size - 1);
}

function bitsOf({ alt, ctrl, meta, shift }: Modifiers = {}): number {
  return (
    (alt === true ? MODIFIER.Alt : 0) |
    (ctrl === true ? MODIFIER.Control : 0) |
    (meta === true ? MODIFIER.Meta : 0) |
    (shift === true ? MODIFIER.Shift : 0)
  );
}
