import type { ScreenSnapshot } from '@playhead/protocol';
import type { Principal } from '../access/principal.ts';

/**
 * The terminals that run, as transports see them: what is typed into them, and who may. A terminal is named by its
 * stream. Every call but `screen` checks the scope `projects:execute`; each stays within the caller's tenant, and throws a
 * PlayheadError for what is refused. What one caller asks for one after the other is done in that order.
 */
export interface Terminals {
  /** Types. `not-in-control` while somebody else has control; `overloaded` while the program reads no input. */
  type(caller: TerminalCaller, stream: string, bytes: Uint8Array): Promise<void>;
  resize(caller: TerminalCaller, stream: string, size: TerminalSizeWanted): Promise<void>;
  /** Signals what runs in the foreground, by the name of the signal. */
  signal(caller: TerminalCaller, stream: string, name: string): Promise<void>;
  /** Takes control, or gives it back; who has it then. With `force` it is taken from whoever has it. */
  control(caller: TerminalCaller, stream: string, wanted: ControlWanted): Promise<Controller | null>;
  /**
   * What the terminal shows, at an exact position of its stream (F11); needs to read only, `streams:read` or
   * `projects:read`. See `Screens`.
   */
  screen(principal: Principal, stream: string): Promise<Screen>;
  /** A viewer is gone: whatever it controls is free again. */
  leave(viewer: string): void;
}

export type Screen = ScreenSnapshot;

export interface TerminalCaller {
  readonly principal: Principal;
  /** Which connection, where there is one: control belongs to a connection and ends with it. */
  readonly viewer: string | null;
}

export interface TerminalSizeWanted {
  readonly columns: number;
  readonly rows: number;
}

export interface ControlWanted {
  readonly action: 'take' | 'release';
  readonly force?: boolean;
}

/** Who has control of a terminal. */
export interface Controller {
  /** The connection. */
  readonly viewer: string;
  /** The id of the key that it was opened with. */
  readonly key: string;
}
