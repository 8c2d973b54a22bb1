/** How browsers are run. Durations are ms, sizes bytes. */
export interface BrowserSettings {
  /** A program, or `packed`; undefined: what is installed, else the packed one. */
  readonly program: string | undefined;
  /** PATH, to find it on. */
  readonly path: string;
  /** Whether its own sandbox confines pages: `auto` where the machine allows it. */
  readonly sandbox: 'auto' | 'on' | 'off';
  /** Absolute: where browsers write while they run, and where the packed one is unpacked. */
  readonly folder: string;
  readonly cache: string;
  /** How many are kept ready; 0: none (D-32). And for how long, when nobody opens any. */
  readonly warm: number;
  readonly warmIdleMs: number;
  /** Until its first tab is there. */
  readonly startMs: number;
  /** For a kept profile to be written when its browser is closed. */
  readonly closeMs: number;
  /** Without an answer, a page counts as hanging; twice that, a browser does. */
  readonly hangMs: number;
  /** Behind the first byte of a page, until an action that navigates no longer waits for the rest. */
  readonly loadMs: number;
  /** Of one page's process. */
  readonly pageBytes: number;
}

export const BROWSER_DEFAULTS: Omit<BrowserSettings, 'program' | 'path' | 'folder' | 'cache'> = {
  sandbox: 'auto',
  warm: 1,
  warmIdleMs: 10 * 60_000,
  startMs: 30_000,
  closeMs: 5_000,
  hangMs: 5_000,
  loadMs: 15_000,
  pageBytes: 2 * 2 ** 30,
};
