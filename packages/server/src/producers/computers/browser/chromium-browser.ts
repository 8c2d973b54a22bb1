import type { BrowserAction, BrowserOutcome, Refusal, RefusalReason } from '../browser-action.ts';
import type {
  ActOptions,
  Browser,
  BrowserEnding,
  BrowserOptions,
  BrowserRemains,
  CaptureOutcome,
  ContextOutcome,
  TabId,
  TabInfo,
  TabOutcome,
  Viewport,
} from '../browser.ts';
import type { BrowserInput, InputOutcome } from '../browser-input.ts';
import type { CaptureOptions } from '../capture.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { type EndCause, browserEnding, endingText } from './browser-end.ts';
import type { BrowserProcess } from './browser-process.ts';
import type { BrowserSettings } from './browser-settings.ts';
import type { BrowserUse, TabHost } from './browser-use.ts';
import { CdpFailure } from './cdp.ts';
import { BOUNDS, clip } from './clip.ts';
import { bindDownloads, type Downloads } from './downloads.ts';
import { createEventGate } from './event-gate.ts';
import { watchMemory } from './memory-watch.ts';
import { open, perform } from './perform.ts';
import { pageUrl } from './page-url.ts';
import { readContext } from './page-view.ts';
import { createProxyLogin } from './proxy-login.ts';
import { startScreencast } from './screencast.ts';
import type { Tab } from './tab.ts';
import { type Tabs, watchTabs } from './tabs.ts';
import type { WorkFolder } from './work-folders.ts';

export interface ChromiumParts {
  readonly process: BrowserProcess;
  readonly folder: WorkFolder;
  readonly clock: Clock;
  readonly settings: BrowserSettings;
  readonly viewport: Viewport;
  /** Its profile is kept, so it is closed in good order. */
  readonly kept: boolean;
}

const MAX_TABS = 20;
/** Told of one browser, not of a tab. */
const DOWNLOADS = { burst: 50, perSecond: 5 };

/** A Chromium that runs. It is nobody's until it is adopted: then it tells, downloads, and knows its proxy. */
export class ChromiumBrowser implements Browser {
  readonly pid: number;
  readonly remains: BrowserRemains;
  readonly ended: Promise<BrowserEnding>;
  version = '';
  readonly #parts: ChromiumParts;
  readonly #tabs: Tabs;
  readonly #memory: Disposable;
  #use: BrowserUse;
  #downloads: Downloads | undefined;
  #cause: EndCause;
  #connected = true;
  #memoryKills = 0;
  #lastMain: TabId = '';

  constructor(parts: ChromiumParts) {
    const { process, folder, clock, settings, viewport } = parts;
    const { connection, identity } = process;
    this.#parts = parts;
    this.pid = identity.pid;
    this.remains = { process: identity, folder: folder.name };
    this.#use = {
      tell: () => undefined,
      dialogs: 'dismiss',
      proxy: null,
      login: undefined,
      maxTabs: MAX_TABS,
      viewport,
    };
    this.#tabs = watchTabs(this.#host(), () => this.#use.viewport);
    this.#memory = watchMemory({
      ...{ root: connection.root, clock, pageBytes: settings.pageBytes },
      killing: () => {
        this.#memoryKills++;
      },
    });
    this.ended = this.#end();
  }

  /** Resolves when it takes actions. Rejects with `CdpFailure` if it does not come up. */
  async ready(): Promise<void> {
    const gone = this.ended.then(() => Promise.reject(new CdpFailure('gone', 'It has ended.')));
    const version = this.#parts.process.connection.root.send('Browser.getVersion');
    const [{ product }] = await Promise.race([Promise.all([version, this.#tabs.first]), gone]);
    this.version = product.replace('Headless', '');
  }

  /** Makes it somebody's, once. */
  adopt(options: BrowserOptions): void {
    const { proxy, viewport, downloads: rule } = options;
    const credentials = proxy?.credentials ?? null;
    const login = credentials === null ? undefined : createProxyLogin(credentials);
    this.#use = {
      tell: (event) => options.tell(event),
      dialogs: options.dialogs ?? 'dismiss',
      maxTabs: options.maxTabs ?? MAX_TABS,
      ...{ proxy, viewport, login },
    };
    for (const tab of this.#tabs.all()) {
      login?.attach(tab.session);
      if (!same(tab.viewport, viewport)) tab.resize(viewport).catch(() => undefined);
    }
    const { connection } = this.#parts.process;
    const gate = createEventGate({ clock: this.#parts.clock, ...DOWNLOADS, omitted: () => undefined });
    this.#downloads = bindDownloads({
      ...{ connection, rule, incoming: this.#parts.folder.incoming },
      tabOf: (frame) => this.#tabs.ofTarget(frame)?.id ?? null,
      admit: (type) => gate.admit(type),
      tell: (event) => this.#use.tell(event),
    });
    this.#tabs.introduce();
  }

  get mainTab(): TabId {
    this.#lastMain = this.#tabs.main?.id ?? this.#lastMain;
    return this.#lastMain;
  }

  tabs(): readonly TabInfo[] {
    const { main } = this.#tabs;
    return this.#tabs.all().map((tab) => tab.info(tab === main));
  }

  async listTabs(): Promise<readonly TabInfo[]> {
    await this.#tabs.refresh();
    return this.tabs();
  }

  async openTab(url: string | null, how: ActOptions = {}): Promise<TabOutcome> {
    const checked = url === null ? undefined : pageUrl(url);
    if (checked?.kind === 'invalid') return refusal('invalid-url', checked.detail);
    const opened = await this.#settle(() => this.#tabs.open(), how);
    if (opened === undefined)
      return refusal('too-many-tabs', `There are ${this.#use.maxTabs} tabs, as many as may be.`);
    if ('kind' in opened) return opened;
    const done = { kind: 'done', tab: opened.id } as const;
    if (checked === undefined) return done;
    const { clock } = this.#parts;
    const outcome = await opened.actions.run((turn) => open(opened, checked.url, turn, clock), {
      ...timing(how),
      watched: true,
      revives: true,
    });
    return outcome.kind === 'refused' ? outcome : done;
  }

  async activateTab(id: TabId, how: ActOptions = {}): Promise<TabOutcome> {
    return this.#withTab(id, (tab) => this.#tabs.activate(tab), how);
  }

  async closeTab(id: TabId, how: ActOptions = {}): Promise<TabOutcome> {
    if (this.#tabs.get(id) !== undefined && this.#tabs.all().length === 1)
      return refusal('last-tab', 'The last tab cannot be closed.', id);
    return this.#withTab(id, (tab) => this.#tabs.close(tab), how);
  }

  async act(action: BrowserAction, how: ActOptions = {}): Promise<BrowserOutcome> {
    const tab = this.#tabFor(how.tab);
    return 'kind' in tab ? tab : perform(tab, action, this.#parts.clock, how);
  }

  async context(how: ActOptions = {}): Promise<ContextOutcome> {
    const tab = this.#tabFor(how.tab);
    if ('kind' in tab) return tab;
    const read = await tab.actions.run(() => readContext(tab), { ...timing(how), watched: true });
    if ('kind' in read) return read;
    return { kind: 'done', context: { tab: tab.id, main: tab === this.#tabs.main, ...read } };
  }

  input(input: BrowserInput, id?: TabId): InputOutcome {
    const tab = this.#tabFor(id);
    if ('kind' in tab) return tab.reason === 'browser-gone' ? 'browser-gone' : 'no-such-tab';
    return tab.live.take(input, tab.viewport);
  }

  async capture(id: TabId, options: CaptureOptions): Promise<CaptureOutcome> {
    const tab = this.#tabFor(id);
    if ('kind' in tab) return tab;
    if (tab.state === 'crashed') return tab.refuse('page-crashed', 'The page has crashed.');
    tab.screencast?.end('stopped');
    try {
      const capture = await startScreencast({
        ...{ session: tab.session, tab: id, clock: this.#parts.clock, options },
        done: () => {
          if (tab.screencast === capture) tab.screencast = undefined;
        },
      });
      tab.screencast = capture;
      return { kind: 'capturing', capture };
    } catch (error) {
      if (!(error instanceof CdpFailure)) throw error;
      return this.#failed(error, id);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { process, kept, clock, settings } = this.#parts;
    if (this.#connected && this.#cause === undefined) {
      this.#cause = 'closed';
      // What a kept profile has not written yet, it writes now.
      if (kept) process.connection.root.tell('Browser.close');
      else process.kill();
    }
    using _patience = clock.after(settings.closeMs, () => process.kill());
    await this.ended;
  }

  #host(): TabHost {
    const { process, clock, settings } = this.#parts;
    const { connection } = process;
    const use = (): BrowserUse => this.#use;
    return {
      connection,
      clock,
      settings,
      get use() {
        return use();
      },
      crashReason: (status) => {
        if (this.#memoryKills === 0) return clip(status, BOUNDS.title);
        this.#memoryKills--;
        return 'out of memory';
      },
      hangs: () => this.#kill('hung'),
    };
  }

  #kill(cause: EndCause): void {
    this.#cause ??= cause;
    this.#parts.process.kill();
  }

  async #end(): Promise<BrowserEnding> {
    const { process, folder } = this.#parts;
    // A browser that closes its pipes, or writes nonsense into them, is of no use any more.
    void process.connection.closed.then(() => {
      this.#connected = false;
      this.#tabs.end();
      this.#memory[Symbol.dispose]();
    });
    const exit = await process.ended;
    await this.#downloads?.end();
    const ending = browserEnding(exit, this.#cause);
    if (ending.kind !== 'closed')
      this.#use.tell({ type: 'browser-ended', cause: ending.kind, detail: endingText(ending) });
    await folder.remove();
    return ending;
  }

  #tabFor(id: TabId | undefined): Tab | Refusal {
    const tab = id === undefined ? this.#tabs.main : this.#tabs.get(id);
    if (tab !== undefined) return tab;
    if (id === undefined) return refusal('tab-closed', 'The page has closed its tab.');
    return refusal('no-such-tab', `There is no tab ${id.slice(0, 40)}.`);
  }

  async #withTab(id: TabId, work: (tab: Tab) => Promise<void>, how: ActOptions): Promise<TabOutcome> {
    const tab = this.#tabFor(id);
    if ('kind' in tab) return tab;
    const failed = await this.#settle(() => work(tab), how, id);
    return failed ?? { kind: 'done', tab: id };
  }

  /** Something that the browser itself does: answered in time, whatever comes of it. */
  async #settle<T>(work: () => Promise<T>, how: ActOptions, id?: TabId): Promise<T | Refusal> {
    const { timeoutMs = 30_000, signal } = how;
    const cut = Promise.withResolvers<Refusal>();
    const abort = (): void => cut.resolve(refusal('aborted', 'It was given up.', id));
    if (signal?.aborted === true) abort();
    using _timer = this.#parts.clock.after(timeoutMs, () =>
      cut.resolve(refusal('timed-out', `It was not done within ${timeoutMs} ms.`, id)),
    );
    signal?.addEventListener('abort', abort, { once: true });
    try {
      return await Promise.race([work(), cut.promise]);
    } catch (error) {
      if (!(error instanceof CdpFailure)) throw error;
      return this.#failed(error, id);
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  #failed({ reason, message }: CdpFailure, id?: TabId): Refusal {
    if (reason === 'gone') return refusal('browser-gone', 'The browser has ended.', id);
    return refusal('failed', `The browser says: ${clip(message, 200)}`, id);
  }
}

function refusal(reason: RefusalReason, detail: string, tab?: TabId): Refusal {
  return { kind: 'refused', reason, detail, ...(tab === undefined ? {} : { tab }) };
}

function timing({ timeoutMs, signal }: ActOptions): Pick<ActOptions, 'timeoutMs' | 'signal'> {
  return { ...(timeoutMs === undefined ? {} : { timeoutMs }), ...(signal === undefined ? {} : { signal }) };
}

function same(one: Viewport, other: Viewport): boolean {
  return one.width === other.width && one.height === other.height && one.scale === other.scale;
}
