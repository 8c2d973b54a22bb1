import headless, { type Terminal } from '@xterm/headless';
import type { TerminalSize } from '../../launcher/launcher.ts';
import { drawScreen } from './draw-screen.ts';
import { stateOf } from './emulator-state.ts';
import { createUnfinished } from './unfinished.ts';

/** A terminal without a screen: knows what one would show. One call after the other, each awaited. */
export interface Emulator extends Disposable {
  write(bytes: Uint8Array): Promise<void>;
  resize(size: TerminalSize): void;
  snapshot(): EmulatedScreen;
}

/** What a terminal shows. */
export interface EmulatedScreen extends TerminalSize {
  /** From 0, from the top left; `column` is `columns` where the next character goes to the next line. */
  readonly cursor: { readonly column: number; readonly row: number; readonly visible: boolean };
  readonly title: string;
  /** A program that fills the screen has put the lines away. */
  readonly alternate: boolean;
  /** Draws all this into a terminal of the size, whatever that showed before. */
  readonly screen: string;
  /** Bytes behind `screen` that have had no effect yet: the beginning of a sequence, or of a character. */
  readonly pending: Uint8Array;
}

/**
 * Lines that have left the screen and are known all the same. As many as a terminal may have rows: so many come back
 * when it grows.
 */
const SCROLLBACK = 1000;

export function createEmulator({ columns, rows }: TerminalSize): Emulator {
  const terminal = new headless.Terminal({
    cols: columns,
    rows,
    scrollback: SCROLLBACK,
    allowProposedApi: true,
    logLevel: 'off',
  });
  const state = stateOf(terminal);
  const unfinished = createUnfinished();
  guardErasure(terminal);
  return {
    async write(bytes) {
      await new Promise<void>((resolve) => terminal.write(bytes, resolve));
      const { _parser, _utf8Decoder } = state._inputHandler;
      const zero = _utf8Decoder.interim.indexOf(0);
      unfinished.feed(bytes, _parser.currentState === 0, zero === -1 ? _utf8Decoder.interim.length : zero);
    },
    resize: (size) => terminal.resize(size.columns, size.rows),
    snapshot() {
      const { active } = terminal.buffer;
      return {
        columns: terminal.cols,
        rows: terminal.rows,
        cursor: {
          column: active.cursorX,
          row: active.cursorY,
          visible: !state.coreService.isCursorHidden,
        },
        title: state._inputHandler._windowTitle,
        alternate: active.type === 'alternate',
        screen: drawScreen(terminal),
        pending: unfinished.bytes,
      };
    },
    [Symbol.dispose]: () => terminal.dispose(),
  };
}

/** The parameter of "erase everything up to the cursor", in both of its forms. */
const ABOVE = { params: [1] };

/**
 * Erasing up to the cursor fails in the library, and takes the whole thread with it, where the cursor stands in the
 * last cell there is: it then looks at the line below, and there is none. The same is asked for in two parts that
 * it can do: the lines above, as from the end of the last of them, and the cursor's own.
 */
export function guardErasure(terminal: Terminal): void {
  const { _inputHandler: handler } = stateOf(terminal);
  const guard = (selective: boolean) => (params: readonly (number | number[])[]) => {
    const buffer = handler._activeBuffer;
    const { x, y } = buffer;
    if (params[0] !== 1 || x + 1 < terminal.cols || y + 1 < buffer.lines.length) return false;
    if (y > 0) {
      buffer.x = terminal.cols - 1;
      buffer.y = y - 1;
      handler.eraseInDisplay(ABOVE, selective);
      buffer.x = x;
      buffer.y = y;
    }
    return handler.eraseInLine(ABOVE, selective);
  };
  terminal.parser.registerCsiHandler({ final: 'J' }, guard(false));
  terminal.parser.registerCsiHandler({ prefix: '?', final: 'J' }, guard(true));
}
