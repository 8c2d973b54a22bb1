import type { ProcessIdentity } from '../../launcher/launcher.ts';
import type { BrowserAction, BrowserOutcome, Refusal } from './browser-action.ts';
import type { BrowserEvent } from './browser-event.ts';
import type { BrowserInput, InputOutcome } from './browser-input.ts';
import type { Capture, CaptureOptions } from './capture.ts';

/**
 * Starts browsers: a process each, with a profile folder of its own. Disposing ends all that run, the warm ones
 * too, and resolves when no process and no folder of theirs is left, but for profiles that are to be kept.
 */
export interface Browsers extends AsyncDisposable {
  /** Resolves as soon as its first tab is there and takes actions. Takes a warm one if one fits (D-32). */
  open(options: BrowserOptions): Promise<BrowserOpened>;
  /**
   * Ends what is left of a browser that an earlier run of the server had: its process, if it is provably that one,
   * and its folder. Never kills on a doubt.
   */
  reap(remains: BrowserRemains): Promise<'killed' | 'gone' | 'unproven'>;
  /** Removes the folders that crashed servers left. Before the first `open`, behind every `reap`. */
  sweep(): Promise<void>;
}

export type BrowserOpened =
  | { readonly kind: 'opened'; readonly browser: Browser }
  /** There is no Chrome or Chromium on this machine. `detail` says what to do about it. */
  | { readonly kind: 'no-browser'; readonly detail: string }
  /** It was started and did not come up, or `signal` aborted. `detail` is fit for a caller: no path, no secret. */
  | { readonly kind: 'failed'; readonly detail: string };

export interface BrowserOptions {
  /** Absolute. A profile that is kept, and that no other browser has open; null: one of its own, removed with it. */
  readonly profile: string | null;
  readonly viewport: Viewport;
  /**
   * All that the browser asks of a network goes through it, loopback too, and nothing goes around it. Null: out into
   * the machine's own networks without a guard, which is for tests and benchmarks.
   */
  readonly proxy: BrowserProxy | null;
  readonly downloads: DownloadRule;
  /** What a dialog of a page gets for an answer. Default `dismiss`. A page that asks before it is left may be left. */
  readonly dialogs?: 'dismiss' | 'accept';
  /** Null: the browser's own. */
  readonly userAgent?: string | null;
  /** BCP 47, e.g. `de-CH`. Null: the browser's own. */
  readonly locale?: string | null;
  /** IANA, e.g. `Europe/Zurich`. Null: the machine's. */
  readonly timezone?: string | null;
  /** At most so many tabs, those that pages open too. Default 20. */
  readonly maxTabs?: number;
  /** Called for everything that happens in it, in order, and never after `ended` has resolved. Must not throw. */
  tell(event: BrowserEvent): void;
  /** Aborting it while the browser starts gives it up. */
  readonly signal?: AbortSignal;
}

/** CSS pixels, and how many device pixels one of them is wide. */
export interface Viewport {
  /** 1 to 7680. */
  readonly width: number;
  /** 1 to 4320. */
  readonly height: number;
  /** 0.25 to 4. */
  readonly scale: number;
}

export interface BrowserProxy {
  /** `http://host:port`. */
  readonly server: string;
  /** What it is given when it asks (407); pages never see it. Null: it asks for nothing. */
  readonly credentials: { readonly username: string; readonly password: string } | null;
  /**
   * Whether it refused that place of late. Through a tunnel the browser hears only that there is none, so this is asked
   * to tell `url-forbidden` from `navigation-failed`. Absent: the first is only said where an answer shows it.
   */
  refused?(host: string, port: number): boolean;
}

export interface DownloadRule {
  /** Absolute; must exist. Null: every download is refused. Nothing is written elsewhere. */
  readonly folder: string | null;
  /** Of one file, bytes. A download that passes it is cancelled and its file removed. */
  readonly maxBytes: number;
  /** Of all files of this browser, bytes. */
  readonly totalBytes: number;
}

/** The id of a tab: `tab_1`, `tab_2`, …; never used twice in one browser. */
export type TabId = string;

export interface TabInfo {
  readonly id: TabId;
  readonly url: string;
  readonly title: string;
  /** Where actions go that name no tab. There is always exactly one. */
  readonly main: boolean;
  readonly state: 'open' | 'crashed';
}

/** Where a page stands. All in CSS pixels. */
export interface PageContext {
  readonly tab: TabId;
  readonly main: boolean;
  readonly url: string;
  readonly title: string;
  readonly viewport: { readonly width: number; readonly height: number };
  /** All of the document, scrolled out of view or not. */
  readonly page: { readonly width: number; readonly height: number };
  readonly scroll: { readonly x: number; readonly y: number };
  readonly deviceScaleFactor: number;
}

/**
 * One browser. What a caller can cause is an answer, never an exception: a browser that has died refuses everything
 * with `browser-gone`. Disposing ends it; that resolves when no process of it is left.
 */
export interface Browser extends AsyncDisposable {
  /** E.g. `Chrome/153.0.7412.0`. */
  readonly version: string;
  readonly pid: number;
  /** For `Session.leaves`: what to reap if the server dies now. */
  readonly remains: BrowserRemains;
  /** Resolves when its last process is gone, whatever the reason. */
  readonly ended: Promise<BrowserEnding>;

  /** In the order in which they were opened, as last heard: a script may have changed a title meanwhile. */
  tabs(): readonly TabInfo[];
  /** The same, as the browser knows them now. Pages are not asked, so one that hangs is listed as quickly as any. */
  listTabs(): Promise<readonly TabInfo[]>;
  /** Where actions go that name no tab. */
  readonly mainTab: TabId;
  /** Opens a tab, which becomes the main one. Without `url` it is blank; with one, it resolves as `navigate` does. */
  openTab(url: string | null, how?: ActOptions): Promise<TabOutcome>;
  /** Makes it the main one and brings it to the front. */
  activateTab(tab: TabId, how?: ActOptions): Promise<TabOutcome>;
  /** Refused for the last one. If it was the main one, its opener is main now, else the newest. Not asked: the page. */
  closeTab(tab: TabId, how?: ActOptions): Promise<TabOutcome>;

  /** Does one thing, behind those asked of the same tab before. Never rejects, always settles: see `ActOptions`. */
  act(action: BrowserAction, how?: ActOptions): Promise<BrowserOutcome>;
  context(how?: ActOptions): Promise<ContextOutcome>;
  /** The hands of somebody who watches: not queued behind actions, not waited for. */
  input(input: BrowserInput, tab?: TabId): InputOutcome;
  /** Begins to film a tab. It has one capture at a time: another call ends the first. See `Capture`. */
  capture(tab: TabId, options: CaptureOptions): Promise<CaptureOutcome>;
}

export interface ActOptions {
  /** Default: the main tab at the time when the action begins. */
  readonly tab?: TabId;
  /** ms from now, the wait behind earlier actions included. Default 30,000. Then the answer is `timed-out`. */
  readonly timeoutMs?: number;
  /** Aborting it gives the answer `aborted` at once. What the browser has taken by then is done all the same. */
  readonly signal?: AbortSignal;
}

export type TabOutcome = { readonly kind: 'done'; readonly tab: TabId } | Refusal;
export type ContextOutcome = { readonly kind: 'done'; readonly context: PageContext } | Refusal;
export type CaptureOutcome = { readonly kind: 'capturing'; readonly capture: Capture } | Refusal;

/** JSON; outlives the server. */
export interface BrowserRemains {
  readonly process: ProcessIdentity;
  /** The name of a folder below the one for browsers: what they write while they run, with profiles that are not kept. */
  readonly folder: string;
}

/** How a browser ended, from what the operating system says. */
export type BrowserEnding =
  /** Disposed by us. */
  | { readonly kind: 'closed' }
  /** By itself, e.g. because its last window was closed by an extension or a page's debugger. */
  | { readonly kind: 'exited'; readonly code: number }
  /** By a fault of its own: SIGSEGV, SIGABRT, SIGTRAP, SIGILL, SIGBUS, SIGFPE. */
  | { readonly kind: 'crashed'; readonly name: NodeJS.Signals }
  /** By somebody else, e.g. SIGKILL by the system when memory runs out. */
  | { readonly kind: 'signalled'; readonly name: NodeJS.Signals }
  /** It stopped answering, also the question whether it is alive, and was killed by us. */
  | { readonly kind: 'hung' };
