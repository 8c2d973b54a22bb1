import type { FrameFeed, Frames, FrameStream } from '../../frames/frames.ts';
import type { Hub } from '../../hub/hub.ts';
import { type StreamKey, streamKey } from '../../log/stream-key.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Browser, TabId } from './browser.ts';
import type { CaptureSize } from './capture.ts';
import { KIND } from './computer-store.ts';
import { tabSource } from './tab-source.ts';

/**
 * The pictures of a computer: a stream that shows the main tab, whichever that is, and one for each tab. Disposing ends
 * them, and whoever watches them.
 */
export interface Film extends AsyncDisposable {
  /** The stream of a tab, or the one that follows the main tab; undefined: there is no such tab. */
  streamOf(tab: TabId | null): Promise<StreamKey | undefined>;
  /** The stream that follows the main tab. */
  readonly main: StreamKey;
  /** Tabs may have come or gone, or another may be the main one. */
  look(): void;
  /** Whether the main tab is being filmed: what was shown last still is. */
  readonly filming: boolean;
  /** Tells how many watch, all streams together, whatever key is named. One listener. */
  readonly audience: Pick<Hub, 'demand'>;
}

export interface FilmParts {
  readonly frames: Frames;
  readonly browser: Pick<Browser, 'tabs' | 'mainTab' | 'capture'>;
  readonly tenant: string;
  readonly id: string;
  readonly size: CaptureSize;
  readonly logger: Logger;
}

interface Tab {
  readonly feed: FrameFeed;
  readonly stream: FrameStream;
}

/** The stream of a computer's pictures; of one tab alone, if one is named. */
function filmStream(tenant: string, id: string, tab: TabId | null): StreamKey {
  return streamKey(tenant, `${KIND}/${id}/frames${tab === null ? '' : `.${tab}`}`);
}

export async function openFilm(parts: FilmParts): Promise<Film> {
  const { frames, browser, tenant, id, size, logger } = parts;
  const counts = new Map<TabId | null, number>();
  let listener: Parameters<Hub['demand']>[1] | undefined;
  const open = (tab: TabId | null): Promise<FrameStream> =>
    frames.open(filmStream(tenant, id, tab), (count) => {
      counts.set(tab, count);
      tell();
    });
  const tell = (): void => {
    const viewers = [...counts.values()].reduce((sum, each) => sum + each, 0);
    listener?.({ viewers, intervalMs: 0, taken: 0 });
  };
  const main = await open(null);
  const tabs = new Map<TabId, Tab>();
  let closed = false;
  let looking: Promise<void> = Promise.resolve();

  // One behind the other, each by how things are when its turn has come: however events overtake one another, the last
  // look is right.
  async function look(): Promise<void> {
    const known = new Set(browser.tabs().map((tab) => tab.id));
    for (const [tab, film] of tabs) {
      if (known.has(tab) && !closed) continue;
      tabs.delete(tab);
      film.feed[Symbol.dispose]();
      await film.stream[Symbol.asyncDispose]();
      counts.delete(tab);
      tell();
    }
    if (closed) return;
    for (const tab of known) {
      if (tabs.has(tab)) continue;
      const stream = await open(tab);
      const feed = frames.feed(tabSource(browser, tab, size));
      stream.show(feed);
      tabs.set(tab, { feed, stream });
    }
    main.show(tabs.get(browser.mainTab)?.feed ?? null);
  }

  function again(): Promise<void> {
    looking = looking.then(look).catch((error: unknown) => {
      logger.error({ computer: id, err: error }, 'the pictures of a computer are not as its tabs are');
    });
    return looking;
  }

  void again();
  return {
    main: main.key,
    async streamOf(tab) {
      if (tab === null) return main.key;
      await looking;
      return tabs.get(tab)?.stream.key;
    },
    look: () => void again(),
    get filming() {
      return tabs.get(browser.mainTab)?.feed.filming === true;
    },
    audience: {
      demand(_key, changed) {
        listener = changed;
        return {
          [Symbol.dispose]() {
            listener = undefined;
          },
        };
      },
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      await again();
      await main[Symbol.asyncDispose]();
      counts.clear();
      tell();
    },
  };
}
