import type { BrowserProxy, Viewport } from '../browser.ts';
import type { BrowserEvent } from '../browser-event.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { BrowserSettings } from './browser-settings.ts';
import type { CdpConnection } from './cdp-connection.ts';
import type { ProxyLogin } from './proxy-login.ts';

/** What somebody opened a browser for. A warm one has nobody yet. */
export interface BrowserUse {
  tell(event: BrowserEvent): void;
  readonly dialogs: 'accept' | 'dismiss';
  readonly proxy: BrowserProxy | null;
  /** Of the first tab; others have that of the main tab. */
  readonly viewport: Viewport;
  readonly maxTabs: number;
  readonly login: ProxyLogin | undefined;
}

/** What a tab sees of its browser. */
export interface TabHost {
  readonly connection: CdpConnection;
  readonly clock: Clock;
  readonly settings: BrowserSettings;
  /** As it is now. */
  readonly use: BrowserUse;
  /** In a word, why a page's process is gone; `status` is Chromium's. */
  crashReason(status: string): string;
  /** The browser itself does not answer. */
  hangs(): void;
}
