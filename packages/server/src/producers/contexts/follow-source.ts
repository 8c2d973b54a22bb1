import { formatPosition, parsePosition } from '@playhead/protocol';
import type { Batch, EventLog } from '../../log/event-log.ts';
import { nameOf, type StreamKey, tenantOf } from '../../log/stream-key.ts';
import type { Collection, Records } from '../../records/records.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { ContextSource, SourceChange, SourceOwner } from '../context-source.ts';
import type { Feed } from './feed.ts';
import type { Feeds } from './feeds.ts';
import { takeIn } from './intake.ts';
import type { Presence } from './presence.ts';
import type { SourceEvent } from './source-event.ts';
import type { SyncMessage } from './sync-message.ts';

export interface FollowParts {
  readonly log: EventLog;
  readonly records: Records;
  readonly feeds: Feeds;
  readonly presence: Presence;
  readonly sources: readonly ContextSource[];
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Followed {
  /** Behind which events were not looked at. */
  readonly position: string;
}

const PAGE = { events: 500, bytes: 1024 * 1024 };
const AGAIN_MS = 1_000;

/**
 * Has sessions that show pages publish them as contexts of their owners. The log tells which streams have moved; each is
 * read from where it was read before, which is kept, so that a crash neither loses nor repeats a page: a message is
 * named after the event that it comes from, and a name counts once.
 *
 * It watches from the moment it is made: what is settled after a crash is followed, too.
 */
export function followSources(parts: FollowParts): AsyncDisposable {
  const { log, records, sources, clock, logger } = parts;
  const kept: Collection<Followed> = records.collection('contexts-followed');
  const dirty = new Set<StreamKey>();
  let working: Promise<void> | undefined;
  let again: Disposable | undefined;
  let stopped = false;

  const watching = log.watchAll((key) => {
    if (sourceOf(key) === undefined) return;
    dirty.add(key);
    begin();
  });

  function sourceOf(key: StreamKey): ContextSource | undefined {
    const name = nameOf(key);
    return sources.find(({ prefix }) => name.startsWith(prefix) && !name.slice(prefix.length).includes('/'));
  }

  function begin(): void {
    if (working !== undefined || stopped || again !== undefined) return;
    // Never on the path of a commit.
    working = Promise.resolve()
      .then(() => work())
      .finally(() => {
        working = undefined;
        if (dirty.size > 0) begin();
      });
  }

  async function work(): Promise<void> {
    const failed = new Set<StreamKey>();
    while (dirty.size > 0 && !stopped) {
      const streams = [...dirty];
      dirty.clear();
      for (const key of streams) {
        try {
          if (await follow(key)) dirty.add(key);
        } catch (error) {
          logger.warn(
            { stream: key, error },
            'pages were not published as contexts yet; this is tried again',
          );
          failed.add(key);
        }
      }
    }
    if (failed.size === 0 || stopped) return;
    for (const key of failed) dirty.add(key);
    again = clock.after(AGAIN_MS, () => {
      again = undefined;
      begin();
    });
  }

  /** One page of a stream; true if there may be more. */
  async function follow(key: StreamKey): Promise<boolean> {
    const source = sourceOf(key);
    const bounds = await log.bounds(key);
    if (source === undefined || bounds === undefined) {
      await kept.delete(key);
      return false;
    }
    const owner = await source.ownerOf(key);
    if (owner === undefined) return false;
    const position = parsePosition((await kept.get(key))?.position ?? '') ?? bounds.start;
    const slice = await log.read(key, position, PAGE);
    if (slice.kind === 'missing') return false;
    if (slice.kind === 'events') {
      if (slice.batches.length === 0) return false;
      await publish(parts, key, source, owner, slice.batches);
    }
    await kept.put(key, { position: formatPosition(slice.kind === 'lost' ? slice.resume : slice.next) });
    return slice.kind === 'lost' || slice.next.offset < slice.latest.offset;
  }

  // What they did while nobody followed them.
  async function compare(): Promise<void> {
    for (const { id } of await kept.list()) dirty.add(id as StreamKey);
    if (dirty.size > 0) begin();
  }
  compare().catch((error: unknown) => logger.warn({ error }, 'it is not known which sessions were followed'));

  return {
    async [Symbol.asyncDispose]() {
      stopped = true;
      watching[Symbol.dispose]();
      again?.[Symbol.dispose]();
      await working;
    },
  };
}

async function publish(
  { feeds, presence }: FollowParts,
  key: StreamKey,
  source: ContextSource,
  { user, device }: SourceOwner,
  batches: readonly Batch[],
): Promise<void> {
  const tenant = tenantOf(key);
  const told: { readonly id: string; readonly at: number; readonly change: SourceChange }[] = [];
  for (const { epoch, first, time, events } of batches) {
    for (const [index, event] of events.entries()) {
      const place = formatPosition({ epoch, offset: first + index });
      for (const change of source.changes(event))
        told.push({ id: `${nameOf(key)}@${place}`, at: time, change });
    }
  }
  const isOver = told.some(({ change }) => change.kind === 'ended');
  presence.device(tenant, user, device, !isOver);
  if (told.length === 0) return;
  await feeds.use(tenant, user, async (feed) => {
    let events: SourceEvent[] = [];
    for (const { id, at, change } of told) {
      // Which tabs there are is known once all before it is applied.
      if (change.kind === 'ended') {
        await feed.write(events);
        events = [];
      }
      for (const message of messagesOf(change, id, at, device, feed)) {
        const event = takeIn(message, { pages: feed.pages, now: at });
        if (event !== undefined) events.push(event);
      }
    }
    await feed.write(events);
  });
}

/** What a device would say for itself. */
function messagesOf(
  change: SourceChange,
  id: string,
  at: number,
  device: SourceOwner['device'],
  feed: Feed,
): readonly SyncMessage[] {
  const said = { id, timestamp: at, device };
  switch (change.kind) {
    case 'activated':
      return [{ ...said, type: 'activate', payload: { type: 'tab', tabId: change.tabId } }];
    case 'closed':
      return [{ ...said, type: 'delete', payload: { type: 'tab', tabId: change.tabId } }];
    case 'navigated': {
      const { kind: _kind, ...rest } = change;
      return [{ ...said, type: 'navigate', payload: { type: 'navigation', ...rest } }];
    }
    case 'page': {
      const { tabId, url, title } = change;
      const context = { id: `${device.id}.${tabId}`, type: 'page', tabId, url, title };
      return [{ ...said, type: 'update', payload: { type: 'context', operation: 'update', context } }];
    }
    case 'ended':
      return openTabs(feed, device.id).map((tabId, index) => ({
        ...{ ...said, id: `${id}.${index}`, type: 'delete' as const },
        payload: { type: 'tab' as const, tabId },
      }));
  }
}

function openTabs(feed: Feed, device: string): (string | number)[] {
  const tabs: (string | number)[] = [];
  for (const [key, { tabId }] of feed.pages.tabs) {
    const [of] = JSON.parse(key) as [string | null];
    if (of === device) tabs.push(tabId);
  }
  return tabs;
}
