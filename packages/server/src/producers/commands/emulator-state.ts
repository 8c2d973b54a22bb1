import type { IBufferCell, Terminal } from '@xterm/headless';

/**
 * What an emulator knows besides what its public interface shows: without it a program that draws on would draw
 * other things than it did on the original (scroll regions, saved cursors, character sets, a sequence cut short).
 * Its names are those of the library's own sources; a test of the snapshots fails if one of them is gone.
 */
export interface EmulatorState {
  readonly _bufferService: { readonly buffers: { readonly normal: BufferState; readonly alt: BufferState } };
  readonly _charsetService: { readonly glevel: number; readonly _charsets: readonly (Charset | undefined)[] };
  readonly _inputHandler: {
    readonly _curAttrData: Attributes;
    readonly _windowTitle: string;
    /** 0: between two sequences. */
    readonly _parser: { readonly currentState: number };
    /** The first bytes of a character, zeros behind them. */
    readonly _utf8Decoder: { readonly interim: Uint8Array };
    readonly _activeBuffer: { x: number; y: number; readonly lines: { readonly length: number } };
    /** With `selective`, characters that are protected stay. */
    eraseInDisplay(params: { readonly params: readonly number[] }, selective: boolean): boolean;
    eraseInLine(params: { readonly params: readonly number[] }, selective: boolean): boolean;
  };
  readonly coreService: {
    readonly isCursorHidden: boolean;
    readonly decPrivateModes: {
      readonly cursorStyle: 'block' | 'underline' | 'bar' | undefined;
      readonly cursorBlink: boolean | undefined;
    };
  };
  readonly coreMouseService: { readonly activeProtocol: string; readonly activeEncoding: string };
}

export interface BufferState {
  /** The line at the top of the screen. */
  readonly ybase: number;
  readonly x: number;
  readonly y: number;
  readonly scrollTop: number;
  readonly scrollBottom: number;
  readonly savedX: number;
  /** Counted from the oldest line, not from the top of the screen. */
  readonly savedY: number;
  readonly savedCurAttrData: Attributes;
  readonly savedCharset: Charset | undefined;
  readonly tabs: Readonly<Record<number, boolean>>;
}

export type Charset = Readonly<Record<string, string>>;

/** How a character looks: what a cell has too. */
export type Attributes = Omit<IBufferCell, 'getWidth' | 'getChars' | 'getCode'> & {
  getUnderlineStyle(): number;
  isUnderlineColorDefault(): boolean;
  isUnderlineColorRGB(): boolean;
  getUnderlineColor(): number;
};

export function stateOf(terminal: Terminal): EmulatorState {
  return (terminal as unknown as { readonly _core: EmulatorState })._core;
}
