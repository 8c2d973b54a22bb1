import type { BrowserOutcome, Refusal } from '../browser-action.ts';
import type { BrowserProxy } from '../browser.ts';
import type { BrowserEvent } from '../browser-event.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { Turn } from './actions.ts';
import { BOUNDS, clip } from './clip.ts';
import type { CdpSession } from './cdp-connection.ts';
import { navigationFailure, proxyFailure } from './navigation-failure.ts';
import type { DocumentAnswer } from './page-requests.ts';

/** Where a tab is: which document its main frame shows, and whether all of it is there. */
export interface Navigation {
  readonly url: string;
  /** The document as the caller wants it, up to its load. */
  navigate(url: string, turn: Turn): Promise<BrowserOutcome>;
  reload(turn: Turn): Promise<BrowserOutcome>;
  /** -1: back, 1: forward. */
  travel(by: -1 | 1, turn: Turn): Promise<BrowserOutcome>;
  /** What answered a request for a document. */
  answered(loader: string, answer: DocumentAnswer): void;
}

export interface NavigationParts {
  readonly session: CdpSession;
  readonly tab: string;
  readonly mainFrame: string;
  readonly url: string;
  readonly clock: Clock;
  readonly loadMs: number;
  readonly proxy: () => BrowserProxy | null;
  title(): Promise<string>;
  admit(type: 'navigation' | 'loaded' | 'navigation-failed'): boolean;
  readonly tell: (event: BrowserEvent) => void;
  /** Another document is there: what was wrong with the one before is over. */
  committed(): void;
  /** All of it is there. */
  loaded(): void;
}

interface Document {
  readonly loader: string;
  loaded: boolean;
  /** Set if what is shown is the browser's own page about a failure. */
  readonly failed: boolean;
}

/** Documents that are remembered: more than can be under way at once. */
const REMEMBERED_MAX = 8;

export function watchNavigation(parts: NavigationParts): Navigation {
  const { session, tab, mainFrame, tell } = parts;
  const answers = new Map<string, DocumentAnswer>();
  let url = parts.url;
  let document: Document = { loader: '', loaded: true, failed: false };
  let documents = 0;
  /** How many documents there were, and moves within them. */
  let moves = 0;
  /** Documents that were shown, also those that were replaced at once. */
  const shown = new Set<string>();
  let waiting: (() => void)[] = [];

  function moved(): void {
    moves++;
    wake();
  }

  function wake(): void {
    const ready = waiting;
    waiting = [];
    for (const resolve of ready) resolve();
  }

  session.on('Page.frameNavigated', ({ frame }) => {
    if (frame.parentId !== undefined) return;
    const failed = frame.unreachableUrl !== undefined;
    url = frame.unreachableUrl ?? `${frame.url}${frame.urlFragment ?? ''}`;
    document = { loader: frame.loaderId, loaded: false, failed };
    documents++;
    keepLast(shown.add(frame.loaderId));
    parts.committed();
    const answer = answers.get(frame.loaderId);
    if (failed) {
      const reason = answer?.error ?? 'net::ERR_FAILED';
      if (parts.admit('navigation-failed'))
        tell({ type: 'navigation-failed', tab, url: clip(url, BOUNDS.url), reason });
    } else if (parts.admit('navigation')) {
      const status = statusOf(answer);
      tell({ type: 'navigation', tab, url: clip(url, BOUNDS.url), title: '', sameDocument: false, status });
    }
    moved();
  });
  session.on('Page.navigatedWithinDocument', (payload) => {
    if (payload.frameId !== mainFrame) return;
    url = payload.url;
    moved();
    if (!parts.admit('navigation')) return;
    void parts.title().then((title) =>
      tell({
        ...{ type: 'navigation', tab, url: clip(payload.url, BOUNDS.url), title },
        ...{ sameDocument: true, status: null },
      }),
    );
  });
  session.on('Page.loadEventFired', () => {
    document.loaded = true;
    parts.loaded();
    wake();
    if (document.failed || !parts.admit('loaded')) return;
    const loadedUrl = clip(url, BOUNDS.url);
    void parts.title().then((title) => tell({ type: 'loaded', tab, url: loadedUrl, title }));
  });

  /** What was not asked of a server (`data:`, `blob:`) is answered with 200 by Chromium itself. */
  function statusOf(answer: DocumentAnswer | undefined): number | null {
    return /^https?:/.test(url) ? (answer?.status ?? null) : null;
  }

  function change(): Promise<void> {
    return new Promise((resolve) => waiting.push(resolve));
  }

  /** Waits for the load of what is shown, or of what takes its place meanwhile. */
  async function load(turn: Turn): Promise<boolean> {
    const patience = Promise.withResolvers<'late'>();
    using _timer = parts.clock.after(Math.min(parts.loadMs, turn.left()), () => patience.resolve('late'));
    while (!document.loaded && !turn.over)
      if ((await Promise.race([change(), patience.promise])) === 'late') return false;
    return document.loaded;
  }

  async function arrived(turn: Turn): Promise<BrowserOutcome> {
    const loaded = await load(turn);
    if (loaded) await parts.title();
    const answer = answers.get(document.loader);
    const failure = proxyFailure(url, answer);
    if (failure !== undefined) return refused(failure.reason, failure.detail);
    return { kind: 'navigated', tab, url, status: statusOf(answer), loaded };
  }

  function refused(reason: Refusal['reason'], detail: string): Refusal {
    return { kind: 'refused', tab, reason, detail };
  }

  return {
    get url() {
      return url;
    },
    async navigate(wanted, turn) {
      const from = documents;
      const result = await session.send('Page.navigate', { url: wanted, transitionType: 'typed' });
      if (result.errorText !== undefined && result.errorText !== '') {
        const failure = navigationFailure(result.errorText, {
          url: wanted,
          download: result.isDownload === true,
          proxy: parts.proxy(),
        });
        return refused(failure.reason, failure.detail);
      }
      const { loaderId } = result;
      while (loaderId !== undefined && !shown.has(loaderId) && documents === from && !turn.over)
        await change();
      return arrived(turn);
    },
    async reload(turn) {
      const from = documents;
      await session.send('Page.reload');
      while (documents === from && !turn.over) await change();
      return arrived(turn);
    },
    async travel(by, turn) {
      const { currentIndex, entries } = await session.send('Page.getNavigationHistory');
      const entry = entries[currentIndex + by];
      if (entry === undefined)
        return refused(
          'navigation-failed',
          by < 0 ? 'There is no page before this one.' : 'There is no page behind this one.',
        );
      const from = moves;
      await session.send('Page.navigateToHistoryEntry', { entryId: entry.id });
      while (moves === from && !turn.over) await change();
      return arrived(turn);
    },
    answered(loader, answer) {
      answers.set(loader, answer);
      keepLast(answers);
    },
  };
}

function keepLast(things: Set<string> | Map<string, unknown>): void {
  for (const oldest of things.keys()) {
    if (things.size <= REMEMBERED_MAX) return;
    things.delete(oldest);
  }
}
