import type {
  Browser,
  BrowserEnding,
  BrowserOpened,
  BrowserOptions,
  BrowserRemains,
  Browsers,
  TabInfo,
  TabOutcome,
} from './browser.ts';
import type { BrowserAction, BrowserOutcome, Refusal } from './browser-action.ts';
import type { BrowserInput } from './browser-input.ts';

/**
 * Browsers of which a test says what they do, for what real ones do rarely or never: to hang, to crash in a certain
 * moment, not to start. Everything else is tested with real ones.
 */
export class ScriptedBrowsers implements Browsers {
  readonly opened: ScriptedBrowser[] = [];
  readonly reaped: BrowserRemains[] = [];
  /** What `open` answers in place of a browser. */
  refusal: Exclude<BrowserOpened, { kind: 'opened' }> | undefined;

  async open(options: BrowserOptions): Promise<BrowserOpened> {
    if (this.refusal !== undefined) return this.refusal;
    const browser = new ScriptedBrowser(options, this.opened.length + 1);
    this.opened.push(browser);
    return { kind: 'opened', browser };
  }

  async reap(remains: BrowserRemains): Promise<'killed'> {
    this.reaped.push(remains);
    return 'killed';
  }

  async sweep(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {}
}

export class ScriptedBrowser implements Browser {
  readonly version = 'Scripted/1';
  readonly pid: number;
  readonly remains: BrowserRemains;
  readonly ended: Promise<BrowserEnding>;
  readonly options: BrowserOptions;
  readonly inputs: BrowserInput[] = [];
  readonly actions: BrowserAction[] = [];
  /** What `act` answers; the default is that it was done. */
  answer: (action: BrowserAction) => Promise<BrowserOutcome> = () => Promise.resolve(this.#done());
  #tabs = ['tab_1'];
  #end: (ending: BrowserEnding) => void;

  constructor(options: BrowserOptions, pid: number) {
    this.options = options;
    this.pid = pid;
    this.remains = { process: { pid, started: 'then' }, folder: `browser-${pid}` };
    const { promise, resolve } = Promise.withResolvers<BrowserEnding>();
    this.ended = promise;
    this.#end = resolve;
  }

  /** It ends by itself. */
  dies(ending: BrowserEnding): void {
    this.#end(ending);
  }

  get mainTab(): string {
    return this.#tabs.at(-1) ?? 'tab_1';
  }

  tabs(): readonly TabInfo[] {
    return this.#tabs.map((id) => ({ id, url: '', title: '', main: id === this.mainTab, state: 'open' }));
  }

  listTabs(): Promise<readonly TabInfo[]> {
    return Promise.resolve(this.tabs());
  }

  async openTab(): Promise<TabOutcome> {
    const id = `tab_${this.#tabs.length + 1}`;
    // As in a real one, others get their turn meanwhile.
    await new Promise((resolve) => setImmediate(resolve));
    this.#tabs.push(id);
    return { kind: 'done', tab: id };
  }

  async activateTab(tab: string): Promise<TabOutcome> {
    return { kind: 'done', tab };
  }

  async closeTab(): Promise<TabOutcome> {
    return refusal('last-tab');
  }

  async act(action: BrowserAction): Promise<BrowserOutcome> {
    this.actions.push(action);
    return this.answer(action);
  }

  async context(): Promise<Refusal> {
    return refusal('not-responding');
  }

  input(input: BrowserInput): 'taken' {
    this.inputs.push(input);
    return 'taken';
  }

  async capture(): Promise<Refusal> {
    return refusal('browser-gone');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#end({ kind: 'closed' });
    await this.ended;
  }

  #done(): BrowserOutcome {
    return { kind: 'done', tab: this.mainTab };
  }
}

function refusal(reason: Refusal['reason']): Refusal {
  return { kind: 'refused', reason, detail: `It is refused: ${reason}.` };
}
