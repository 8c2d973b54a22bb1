import type { Terminal } from '@xterm/headless';
import { drawLines, lookOf } from './draw-lines.ts';
import { type BufferState, type Charset, type EmulatorState, stateOf } from './emulator-state.ts';
import { PLAIN, sgr } from './sgr.ts';

/**
 * The text that brings any emulator of the same size into the state that this one is in: lines, cursor and all that
 * decides what later output does. Not kept are links, titles put aside, and what REP (CSI b) would repeat.
 */
export function drawScreen(terminal: Terminal): string {
  const state = stateOf(terminal);
  const { normal, alt } = state._bufferService.buffers;
  const alternate = terminal.buffer.active.type === 'alternate';
  let text = `\x1bc${drawLines(terminal.buffer.normal, terminal.cols)}${drawBufferState(terminal, normal)}`;
  if (alternate) {
    // 1047, not 1049: that would save the cursor once more.
    text += `${PLAIN}\x1b[?1047h\x1b[H${drawLines(terminal.buffer.alternate, terminal.cols)}`;
    text += drawBufferState(terminal, alt);
  }
  const title = state._inputHandler._windowTitle;
  if (title !== '') text += `\x1b]2;${title}\x1b\\`;
  return text + drawModes(terminal, state, alternate ? alt : normal);
}

function drawBufferState(terminal: Terminal, buffer: BufferState): string {
  const { savedX, savedY, ybase, savedCurAttrData, savedCharset, scrollTop, scrollBottom, tabs } = buffer;
  const last = terminal.rows - 1;
  let text = '';
  const stops = Object.keys(tabs).map(Number);
  if (!stops.every((stop) => stop % 8 === 0) || stops.length !== Math.ceil(terminal.cols / 8)) {
    text += `\x1b[3g${stops.map((stop) => `\x1b[${stop + 1}G\x1bH`).join('')}`;
  }
  const look = sgr(savedCurAttrData);
  if (savedX !== 0 || savedY !== 0 || look !== PLAIN || savedCharset !== undefined) {
    const row = Math.min(Math.max(savedY - ybase, 0), last);
    text += `\x1b[${row + 1};${savedX + 1}H${look}\x1b(${designator(savedCharset)}\x1b7\x1b(B${PLAIN}`;
  }
  if (scrollTop !== 0 || scrollBottom !== last) text += `\x1b[${scrollTop + 1};${scrollBottom + 1}r`;
  return text;
}

/** What holds for both buffers, and the cursor. In this order: some modes move the cursor, some keep it from moving. */
function drawModes(terminal: Terminal, state: EmulatorState, buffer: BufferState): string {
  const { modes } = terminal;
  const { coreService, coreMouseService, _charsetService: charsets, _inputHandler: input } = state;
  const top = modes.originMode ? buffer.scrollTop : 0;
  let text = modes.originMode ? '\x1b[?6h' : '';
  text += drawCursor(terminal, buffer, top);
  text += sgr(input._curAttrData);
  for (const [index, set] of [0, 1, 2, 3].map((index) => [index, charsets._charsets[index]] as const)) {
    if (set !== undefined) text += `\x1b${'()*+'[index]}${designator(set)}`;
  }
  text += ['', '\x0e', '\x1bn', '\x1bo'][charsets.glevel] ?? '';
  if (!modes.wraparoundMode) text += '\x1b[?7l';
  if (modes.insertMode) text += '\x1b[4h';
  if (terminal.options.convertEol === true) text += '\x1b[20h';
  if (modes.applicationCursorKeysMode) text += '\x1b[?1h';
  if (modes.applicationKeypadMode) text += '\x1b=';
  if (modes.bracketedPasteMode) text += '\x1b[?2004h';
  if (modes.reverseWraparoundMode) text += '\x1b[?45h';
  if (modes.sendFocusMode) text += '\x1b[?1004h';
  text += { none: '', x10: '\x1b[?9h', vt200: '\x1b[?1000h', drag: '\x1b[?1002h', any: '\x1b[?1003h' }[
    modes.mouseTrackingMode
  ];
  if (coreMouseService.activeEncoding === 'SGR') text += '\x1b[?1006h';
  if (coreMouseService.activeEncoding === 'SGR_PIXELS') text += '\x1b[?1016h';
  const { cursorStyle, cursorBlink } = coreService.decPrivateModes;
  if (cursorStyle !== undefined) {
    const style = { block: 1, underline: 3, bar: 5 }[cursorStyle];
    text += `\x1b[${cursorBlink === false ? style + 1 : style} q`;
  }
  if (coreService.isCursorHidden) text += '\x1b[?25l';
  return text;
}

function drawCursor(terminal: Terminal, { x, y, ybase }: BufferState, top: number): string {
  const { cols } = terminal;
  const row = Math.max(y - top, 0) + 1;
  if (x < cols) return `\x1b[${row};${x + 1}H`;
  // Behind the last column: the next character goes to the next line. Only writing the last one again leads there.
  const line = terminal.buffer.active.getLine(ybase + y);
  const column = line?.getCell(cols - 1)?.getWidth() === 0 ? cols - 2 : cols - 1;
  const cell = line?.getCell(column);
  const chars = cell?.getChars() ?? '';
  return `\x1b[${row};${column + 1}H${cell === undefined ? '' : lookOf(cell)}${chars === '' ? ' ' : chars}`;
}

/** The character sets that programs use: ASCII, line drawing, British. */
function designator(set: Charset | undefined): string {
  if (set === undefined) return 'B';
  return set['q'] === undefined ? 'A' : '0';
}
