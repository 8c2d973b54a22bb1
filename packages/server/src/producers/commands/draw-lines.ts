import type { IBuffer, IBufferCell } from '@xterm/headless';
import type { Attributes } from './emulator-state.ts';
import { PLAIN, sgr } from './sgr.ts';

/** A background and nothing else. What else an empty cell may have (the rest of a wide character) becomes a space. */
const ERASED = /^\x1b\[0;(?:4[0-7]|10[0-7]|48;[0-9;]+)m$/;

/**
 * The text that draws all lines of a buffer, the oldest first, into an empty one of the same size. Cells that
 * nothing was written to stay so, because they are left out when lines are joined or copied; and lines that the
 * terminal had wrapped are wrapped again, because a later change of the width joins them.
 */
export function drawLines(buffer: IBuffer, columns: number): string {
  let text = '';
  let look = PLAIN;

  function turn(wanted: string): void {
    if (wanted !== look) text += wanted;
    look = wanted;
  }

  function drawLine(y: number): void {
    const line = buffer.getLine(y);
    let at = 0;
    for (let x = 0; x < columns; x++) {
      const cell = line?.getCell(x);
      if (cell === undefined || cell.getWidth() === 0) continue;
      const erased = cell.getChars() === '';
      const colour = lookOf(cell);
      if (erased && colour === PLAIN) continue;
      if (erased && ERASED.test(colour)) {
        // In a colour: what an erasure does it does again.
        const from = x;
        while (x + 1 < columns && isErased(line?.getCell(x + 1), colour)) x++;
        if (from > at) text += forward(from - at);
        turn(colour);
        text += `\x1b[${x + 1 - from}X`;
        at = from;
        continue;
      }
      if (x > at) text += forward(x - at);
      turn(colour);
      // Half of a wide character was written over where nothing wraps: no terminal could show the other half.
      const halved = cell.getWidth() === 2 && line?.getCell(x + 1)?.getWidth() !== 0;
      text += halved || erased ? ' ' : cell.getChars();
      at = x + (halved ? 1 : cell.getWidth());
    }
  }

  /** Goes on to a line that belongs to the one before it. */
  function wrap(y: number): void {
    const last = buffer.getLine(y)?.getCell(columns - 1);
    const open = last === undefined || isOpen(last);
    turn(PLAIN);
    // A space where nothing stood makes the terminal wrap at the next; both are taken away again.
    if (open) text += `\x1b[${columns}G `;
    text += ' \r\x1b[X';
    if (!open) return;
    text += `\x1b[A\x1b[${columns}G`;
    if (last !== undefined) turn(lookOf(last));
    text += '\x1b[X\x1b[B\r';
    turn(PLAIN);
  }

  for (let y = 0; y < buffer.length; y++) {
    if (y > 0) {
      if (buffer.getLine(y)?.isWrapped === true) wrap(y - 1);
      else {
        // A line that scrolls in has the colour of the moment.
        turn(PLAIN);
        text += '\r\n';
      }
    }
    drawLine(y);
  }
  turn(PLAIN);
  return text;
}

/** The library gives a cell all that a character's look has; its types leave out how underlines look. */
export function lookOf(cell: IBufferCell): string {
  return sgr(cell as unknown as Attributes);
}

/** Nothing was drawn for it, so the cursor did not get behind it. */
function isOpen(cell: IBufferCell): boolean {
  if (cell.getChars() !== '' || cell.getWidth() === 0) return false;
  const look = lookOf(cell);
  return look === PLAIN || ERASED.test(look);
}

function isErased(cell: IBufferCell | undefined, look: string): boolean {
  return cell !== undefined && cell.getChars() === '' && cell.getWidth() !== 0 && lookOf(cell) === look;
}

function forward(cells: number): string {
  return `\x1b[${cells}C`;
}
