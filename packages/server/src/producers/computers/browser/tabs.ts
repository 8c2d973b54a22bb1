import type { TabId, Viewport } from '../browser.ts';
import { BOUNDS, clip } from './clip.ts';
import type { TabHost } from './browser-use.ts';
import type { CdpPayload } from './cdp.ts';
import { createEventGate } from './event-gate.ts';
import { Tab } from './tab.ts';

/** The tabs of a browser: which there are, and which is the main one. */
export interface Tabs {
  /** In the order in which they were opened. */
  all(): readonly Tab[];
  get(id: TabId): Tab | undefined;
  ofTarget(target: string): Tab | undefined;
  /** Undefined only until the first is there, and for a moment if a page closes the last. */
  readonly main: Tab | undefined;
  /** Resolves when the first takes actions. */
  readonly first: Promise<Tab>;
  /** Opens a blank one, which is the main one then. Undefined: there are as many as may be. Rejects with `CdpFailure`. */
  open(): Promise<Tab | undefined>;
  activate(tab: Tab): Promise<void>;
  /** Resolves when it is gone. Rejects with `CdpFailure`. */
  close(tab: Tab): Promise<void>;
  /** Reads what has changed without a word. Never rejects. */
  refresh(): Promise<void>;
  /** Tells the tabs that are there to somebody who has just opened the browser. */
  introduce(): void;
  end(): void;
}

interface Entry {
  readonly tab: Tab;
  readonly prepared: Promise<void>;
  readonly gone: PromiseWithResolvers<void>;
}

type TargetInfo = CdpPayload<'Target.targetInfoChanged'>['targetInfo'];

/** For the browser to say what its tabs are called. */
const PATIENCE_MS = 1_000;
/** A page may change its title as often as it likes; it is read so often. */
const TITLES = { burst: 50, perSecond: 10 };

/** Watches a browser for tabs. `viewport`: of the first. */
export function watchTabs(host: TabHost, viewport: () => Viewport): Tabs {
  const { connection, clock } = host;
  const { root } = connection;
  const tabs = new Map<TabId, Entry>();
  const bySession = new Map<string, Entry>();
  const byTarget = new Map<string, Entry>();
  const arrivals = new Map<string, (entry: Entry) => void>();
  const first = Promise.withResolvers<Tab>();
  const titles = createEventGate({ clock, ...TITLES, omitted: () => void refresh() });
  let main: Tab | undefined;
  let lastId = 0;
  /** Asked for by us, and not there yet. */
  let opening = 0;
  let over = false;

  function makeMain(tab: Tab): void {
    if (main === tab) return;
    main = tab;
    host.use.tell({ type: 'tab-activated', tab: tab.id });
  }

  function arrive({ sessionId, targetInfo }: CdpPayload<'Target.attachedToTarget'>): void {
    const { targetId: target, openerId } = targetInfo;
    const url = targetInfo.url === '' ? 'about:blank' : targetInfo.url;
    const session = connection.session(sessionId);
    const opener = openerId === undefined ? undefined : byTarget.get(openerId)?.tab;
    const own = arrivals.has(target) || (opener === undefined && opening > 0);
    if (!own && tabs.size + opening >= host.use.maxTabs) {
      // Its opener waits until it runs.
      session.tell('Runtime.runIfWaitingForDebugger');
      root.tell('Target.closeTarget', { targetId: target });
      host.use.tell({ type: 'tab-refused', opener: opener?.id ?? null, url: clip(url, BOUNDS.url) });
      return;
    }
    const tab = new Tab({
      ...{ host, target, session, url, id: `tab_${++lastId}`, opener: opener?.id ?? null },
      viewport: main?.viewport ?? viewport(),
    });
    const prepared = tab.prepare();
    // Whoever waits for it hears it; a tab that is closed at once is nobody's fault.
    prepared.then(() => first.resolve(tab)).catch(() => undefined);
    const entry = { tab, prepared, gone: Promise.withResolvers<void>() };
    tabs.set(tab.id, entry);
    bySession.set(sessionId, entry);
    byTarget.set(target, entry);
    host.use.tell({ type: 'tab-opened', tab: tab.id, url: clip(url, BOUNDS.url), opener: tab.opener });
    makeMain(tab);
    arrivals.get(target)?.(entry);
    arrivals.delete(target);
  }

  function leave(sessionId: string): void {
    const entry = bySession.get(sessionId);
    if (entry === undefined || over) return;
    const { tab } = entry;
    tabs.delete(tab.id);
    bySession.delete(sessionId);
    byTarget.delete(tab.target);
    tab.end('closed');
    host.use.tell({ type: 'tab-closed', tab: tab.id });
    entry.gone.resolve();
    if (main !== tab) return;
    const next = (tab.opener === null ? undefined : tabs.get(tab.opener)?.tab) ?? all().at(-1);
    if (next === undefined) {
      main = undefined;
      // The page has closed the last one.
      root.tell('Target.createTarget', { url: 'about:blank' });
    } else {
      makeMain(next);
      root.tell('Target.activateTarget', { targetId: next.target });
    }
  }

  function all(): readonly Tab[] {
    return [...tabs.values()].map(({ tab }) => tab);
  }

  async function refresh(): Promise<void> {
    if (over) return;
    const late = Promise.withResolvers<[]>();
    using _timer = clock.after(PATIENCE_MS, () => late.resolve([]));
    const asked = root.send('Target.getTargets').then(
      ({ targetInfos }) => targetInfos,
      // The browser is gone, which is told elsewhere.
      () => [],
    );
    for (const info of await Promise.race([asked, late.promise])) entitle(info);
  }

  function entitle({ targetId, title, url }: TargetInfo): void {
    const tab = byTarget.get(targetId)?.tab;
    // A page without a title, or whose title the browser has not heard yet, has an address for one here.
    const none = title === 'about:blank' || url === title || url.replace(/^https?:\/\//, '') === title;
    if (tab !== undefined && !none) tab.title = clip(title, BOUNDS.title);
  }

  root.on('Target.attachedToTarget', arrive);
  root.on('Target.detachedFromTarget', ({ sessionId }) => leave(sessionId));
  root.on('Target.targetCrashed', ({ targetId, status }) =>
    byTarget.get(targetId)?.tab.crashed(host.crashReason(status)),
  );
  root.on(
    'Target.targetInfoChanged',
    ({ targetInfo }) => entitle(targetInfo),
    () => titles.admit('navigation'),
  );
  const pages = [{ type: 'page' }];
  root.tell('Target.setDiscoverTargets', { discover: true, filter: pages });
  root.tell('Target.setAutoAttach', {
    autoAttach: true,
    waitForDebuggerOnStart: true,
    flatten: true,
    filter: pages,
  });

  return {
    all,
    get: (id) => tabs.get(id)?.tab,
    ofTarget: (target) => byTarget.get(target)?.tab,
    get main() {
      return main;
    },
    first: first.promise,
    async open() {
      if (tabs.size + opening >= host.use.maxTabs) return undefined;
      opening++;
      try {
        const { targetId } = await root.send('Target.createTarget', { url: 'about:blank' });
        const entry =
          byTarget.get(targetId) ?? (await new Promise<Entry>((resolve) => arrivals.set(targetId, resolve)));
        await entry.prepared;
        return entry.tab;
      } finally {
        opening--;
      }
    },
    async activate(tab) {
      await root.send('Target.activateTarget', { targetId: tab.target });
      if (tabs.has(tab.id)) makeMain(tab);
    },
    async close(tab) {
      const entry = tabs.get(tab.id);
      if (entry === undefined) return;
      await root.send('Target.closeTarget', { targetId: tab.target });
      await entry.gone.promise;
    },
    refresh,
    introduce() {
      for (const { id, url, opener } of all())
        host.use.tell({ type: 'tab-opened', tab: id, url: clip(url, BOUNDS.url), opener });
      if (main !== undefined) host.use.tell({ type: 'tab-activated', tab: main.id });
    },
    end() {
      over = true;
      titles[Symbol.dispose]();
      for (const { tab, gone } of tabs.values()) {
        tab.end('browser-gone');
        gone.resolve();
      }
    },
  };
}
