import type { TabId, TabInfo, Viewport } from '../browser.ts';
import type { Refusal, RefusalReason } from '../browser-action.ts';
import type { BrowserEvent } from '../browser-event.ts';
import type { CaptureEnding } from '../capture.ts';
import { type Actions, createActions } from './actions.ts';
import type { TabHost } from './browser-use.ts';
import type { CdpFailure } from './cdp.ts';
import type { CdpSession } from './cdp-connection.ts';
import { BOUNDS, clip } from './clip.ts';
import { answerDialogs, type Dialogs } from './dialogs.ts';
import { createEventGate, type EventGate } from './event-gate.ts';
import { createHangWatch, type HangWatch } from './hang-watch.ts';
import { createKeyboard, type Keyboard } from './keyboard.ts';
import { createLiveInput, type LiveInput } from './live-input.ts';
import { type Navigation, watchNavigation } from './navigation.ts';
import { tellMessages } from './page-messages.ts';
import { tellRequests } from './page-requests.ts';
import { readTitle } from './page-view.ts';
import { createPointer, type Pointer } from './pointer.ts';
import type { Screencast } from './screencast.ts';

export interface TabParts {
  readonly host: TabHost;
  readonly id: TabId;
  /** Chromium's id of it, and of its main frame. */
  readonly target: string;
  readonly session: CdpSession;
  readonly opener: TabId | null;
  readonly url: string;
  readonly viewport: Viewport;
}

/** Events of one type that a tab may tell: at once, and each second. */
const EVENTS = { burst: 100, perSecond: 20 };
/** Messages about requests that are read of a tab. */
const REQUESTS = { burst: 1_000, perSecond: 300 };

const TITLE_MS = 1_000;

type State = 'open' | 'crashed' | 'closed' | 'browser-gone';

/** One tab: its page, its hands, what it tells, and the actions that wait for it. */
export class Tab {
  readonly id: TabId;
  readonly target: string;
  readonly session: CdpSession;
  readonly opener: TabId | null;
  readonly actions: Actions;
  readonly keyboard: Keyboard;
  readonly pointer: Pointer;
  readonly live: LiveInput;
  readonly navigation: Navigation;
  readonly hang: HangWatch;
  readonly dialogs: Dialogs;
  /** As last heard from the browser. */
  title = '';
  viewport: Viewport;
  screencast: Screencast | undefined;
  readonly #host: TabHost;
  readonly #gate: EventGate;
  readonly #requests: EventGate;
  readonly #tell: (event: BrowserEvent) => void;
  #state: State = 'open';
  /** Set while its page's process is ended because the page is left. */
  #abandoned: (() => void) | undefined;

  constructor({ host, id, target, session, opener, url, viewport }: TabParts) {
    this.id = id;
    this.target = target;
    this.session = session;
    this.opener = opener;
    this.viewport = viewport;
    this.#host = host;
    this.#tell = (event) => host.use.tell(event);
    const { clock, settings } = host;
    this.#gate = createEventGate({
      ...{ clock, ...EVENTS },
      omitted: (of, count) => this.#tell({ type: 'omitted', tab: id, of, count }),
    });
    this.#requests = createEventGate({ clock, ...REQUESTS, omitted: () => undefined });
    this.hang = createHangWatch({
      clock,
      hangMs: settings.hangMs,
      // A page that has crashed has nothing to say, and does not hang.
      askPage: () =>
        this.#state === 'crashed' ? Promise.resolve() : session.send('Runtime.evaluate', { expression: '0' }),
      askBrowser: () => host.connection.root.send('Browser.getVersion'),
      pageHangs: () => {
        this.#tell({ type: 'page-hangs', tab: id });
        this.actions.cut(this.#hanging());
      },
      pageResponds: () => this.#tell({ type: 'page-responds', tab: id }),
      browserHangs: () => host.hangs(),
    });
    this.actions = createActions({
      clock,
      blocked: ({ watched, revives }) => this.#blocked(watched, revives ?? false),
      explain: (failure) => this.#explain(failure),
      refuse: (reason, detail) => this.refuse(reason, detail),
      watch: () => this.hang.begin(),
    });
    this.keyboard = createKeyboard(session);
    this.pointer = createPointer(session, () => this.keyboard.modifiers);
    this.live = createLiveInput(session);
    this.navigation = watchNavigation({
      ...{ session, tab: id, mainFrame: target, url, clock, loadMs: settings.loadMs, tell: this.#tell },
      proxy: () => host.use.proxy,
      title: () => this.#readTitle(),
      admit: (type) => this.#gate.admit(type),
      committed: () => {
        if (this.#state === 'crashed') this.#state = 'open';
        this.title = '';
        this.hang.renew();
        this.screencast?.expect();
      },
      loaded: () => this.screencast?.again(),
    });
    this.dialogs = answerDialogs({
      ...{ session, tab: id, clock, tell: this.#tell },
      answer: () => host.use.dialogs,
      admit: () => this.#gate.admit('dialog-opened'),
    });
    this.#listen(session, true);
  }

  get mainFrame(): string {
    return this.target;
  }

  get url(): string {
    return this.navigation.url;
  }

  get state(): State {
    return this.#state;
  }

  info(main: boolean): TabInfo {
    const url = clip(this.url, BOUNDS.url);
    return {
      id: this.id,
      url,
      title: this.title,
      main,
      state: this.#state === 'crashed' ? 'crashed' : 'open',
    };
  }

  refuse(reason: RefusalReason, detail: string): Refusal {
    return { kind: 'refused', reason, detail, tab: this.id };
  }

  /** What Chromium is told before the page's first script runs. Resolves when it has done it. */
  async prepare(): Promise<void> {
    const { session } = this;
    this.#host.use.login?.attach(session);
    session.tell('Page.enable');
    session.tell('Page.setInterceptFileChooserDialog', { enabled: true });
    // So that it goes on, and is drawn, whichever tab is in front.
    session.tell('Emulation.setFocusEmulationEnabled', { enabled: true });
    this.#enable(session);
    await Promise.all([this.resize(this.viewport), session.send('Runtime.runIfWaitingForDebugger')]);
  }

  async resize(viewport: Viewport): Promise<void> {
    const { width, height, scale } = viewport;
    this.viewport = viewport;
    await this.session.send('Emulation.setDeviceMetricsOverride', {
      ...{ width, height, deviceScaleFactor: scale, mobile: false },
    });
  }

  /**
   * Ends the page's process, because the page is left and does not let go. That is no crash: it is not told, and what
   * waits goes on. Resolves when it is gone, or does not go in time.
   */
  async abandon(patienceMs: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    using _timer = this.#host.clock.after(patienceMs, resolve);
    this.#abandoned = resolve;
    this.session.tell('Page.crash');
    await promise;
    this.#abandoned = undefined;
  }

  /** The page's process is gone. */
  crashed(reason: string): void {
    if (this.#state !== 'open') return;
    this.#state = 'crashed';
    if (this.#abandoned !== undefined) {
      this.hang.renew();
      this.#abandoned();
      return;
    }
    this.#tell({ type: 'page-crashed', tab: this.id, reason });
    this.actions.cut(this.refuse('page-crashed', 'The page has crashed.'));
    this.hang.renew();
    this.screencast?.end('page-crashed');
  }

  /** It is no more. */
  end(state: 'closed' | 'browser-gone'): void {
    this.#state = state;
    const ending: CaptureEnding = state === 'closed' ? 'tab-closed' : 'browser-gone';
    this.screencast?.end(ending);
    this.actions.cut(this.#gone());
    this.#gate[Symbol.dispose]();
    this.#requests[Symbol.dispose]();
    this.hang[Symbol.dispose]();
    this.#host.use.login?.detach(this.session);
    if (this.session.id !== undefined) this.#host.connection.drop(this.session.id);
  }

  /** The page says it, or if it is too busy the browser, which may hear of it late. */
  async #readTitle(): Promise<string> {
    const { clock } = this.#host;
    const late = Promise.withResolvers<string>();
    using _timer = clock.after(TITLE_MS, () => late.resolve(this.title));
    this.title = await Promise.race([readTitle(this).catch(() => this.title), late.promise]);
    return this.title;
  }

  #gone(): Refusal {
    return this.#state === 'browser-gone'
      ? this.refuse('browser-gone', 'The browser has ended.')
      : this.refuse('tab-closed', 'The tab was closed.');
  }

  #hanging(): Refusal {
    return this.refuse('not-responding', 'The page does not answer. Navigate, or close the tab, to go on.');
  }

  #blocked(watched: boolean, revives: boolean): Refusal | undefined {
    if (this.#state === 'closed' || this.#state === 'browser-gone') return this.#gone();
    if (revives || !watched) return undefined;
    if (this.#state === 'crashed')
      return this.refuse('page-crashed', 'The page has crashed. Navigate, or close the tab, to go on.');
    return this.hang.hangs ? this.#hanging() : undefined;
  }

  #explain({ reason, message }: CdpFailure): Refusal {
    if (this.#state === 'closed' || this.#state === 'browser-gone') return this.#gone();
    if (this.#state === 'crashed') return this.refuse('page-crashed', 'The page has crashed.');
    // The session ends a little before the tab or the browser is told to have.
    if (reason === 'gone') return this.refuse('tab-closed', 'The tab was closed.');
    return this.refuse('failed', `The browser says: ${clip(message, 200)}`);
  }

  /** Hears a page's own session, or that of a frame or a worker in it which has a process of its own. */
  #listen(session: CdpSession, page: boolean): void {
    const { id: tab } = this;
    const tell = this.#tell;
    tellMessages({ session, tab, tell, admit: (type) => this.#gate.admit(type) });
    tellRequests({
      ...{ session, tab, tell },
      admit: (type) => this.#gate.admit(type),
      read: () => this.#requests.admit('request-failed'),
      document: (loader, answer) => {
        if (page) this.navigation.answered(loader, answer);
        this.#login(answer.status);
      },
    });
    session.on('Target.attachedToTarget', ({ sessionId }) => {
      const child = this.#host.connection.session(sessionId);
      this.#listen(child, false);
      this.#enable(child);
      child.tell('Runtime.runIfWaitingForDebugger');
    });
    session.on('Target.detachedFromTarget', ({ sessionId }) => this.#host.connection.drop(sessionId));
  }

  #login(status: number | null): void {
    const { login } = this.#host.use;
    if (status === 407) login?.forgotten();
    else if (status !== null) login?.taken();
  }

  #enable(session: CdpSession): void {
    session.tell('Runtime.enable');
    // Bodies are not asked for: none is kept.
    session.tell('Network.enable', { maxTotalBufferSize: 0, maxResourceBufferSize: 0, maxPostDataSize: 0 });
    session.tell('Target.setAutoAttach', {
      ...{ autoAttach: true, waitForDebuggerOnStart: true, flatten: true },
      filter: [{ type: 'iframe' }, { type: 'worker' }],
    });
  }
}
