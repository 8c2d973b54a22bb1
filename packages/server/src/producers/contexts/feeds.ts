import { Feed, type FeedParts } from './feed.ts';

/** The feeds in memory: of each user one at most, opened when it is needed and closed when it is not. */
export interface Feeds extends AsyncDisposable {
  /** Calls with a user's feed, which is made if there is none. */
  use<T>(tenant: string, user: string, call: (feed: Feed) => Promise<T> | T): Promise<T>;
  /** The same for a user who has one; undefined for others, of whom nothing is made. */
  peek<T>(tenant: string, user: string, call: (feed: Feed) => Promise<T> | T): Promise<T | undefined>;
}

export interface FeedsSettings {
  /** How long an unused feed stays in memory, ms. */
  readonly idleMs: number;
}

export function createFeeds(parts: FeedParts, { idleMs }: FeedsSettings): Feeds {
  const { clock, logger, records } = parts;
  const open = new Map<string, Promise<Feed>>();

  function find(tenant: string, user: string): Promise<Feed> {
    // No tenant holds a colon.
    const key = `${tenant}:${user}`;
    let feed = open.get(key);
    if (feed === undefined) {
      feed = Feed.open(parts, tenant, user);
      open.set(key, feed);
      feed.catch(() => open.delete(key));
    }
    return feed;
  }

  async function use<T>(tenant: string, user: string, call: (feed: Feed) => Promise<T> | T): Promise<T> {
    let feed = await find(tenant, user);
    // It may have been closed between its opening and now.
    while (feed.closed) feed = await find(tenant, user);
    feed.uses++;
    try {
      return await call(feed);
    } finally {
      feed.uses--;
      feed.usedAt = clock.now();
    }
  }

  async function closeIdle(before: number): Promise<void> {
    for (const [key, opening] of open) {
      const feed = await opening.catch(() => undefined);
      if (feed === undefined || feed.uses > 0 || feed.usedAt > before || !feed.isSettled) continue;
      // Whoever comes now waits for what the next opening begins with.
      const closed = feed.close();
      open.delete(key);
      await closed;
    }
  }

  const closing = clock.every(Math.max(10, idleMs / 2), () => {
    closeIdle(clock.now() - idleMs).catch((error: unknown) =>
      logger.warn({ error }, 'feeds were not closed'),
    );
  });

  return {
    use,
    async peek(tenant, user, call) {
      if (!open.has(`${tenant}:${user}`) && (await records.get(tenant, user)) === undefined) return undefined;
      return use(tenant, user, call);
    },
    async [Symbol.asyncDispose]() {
      closing[Symbol.dispose]();
      const feeds = await Promise.allSettled(open.values());
      open.clear();
      for (const feed of feeds) if (feed.status === 'fulfilled') await feed.value.close();
    },
  };
}
