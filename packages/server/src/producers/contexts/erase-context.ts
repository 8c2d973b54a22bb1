import { randomUUID } from 'node:crypto';
import { parsePosition, type Position } from '@playhead/protocol';
import type { EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Hit, Search } from '../../search/search.ts';
import { USER_CHANNELS, userChannelKey } from './channel-name.ts';
import { sourceNumberOf } from './derived-event.ts';
import type { Feed } from './feed.ts';

/** What of the log an erasure needs. */
type Erasable = Pick<EventLog, 'bounds' | 'read' | 'redact'>;

export interface EraseParts {
  readonly log: Erasable;
  readonly search: Search;
  /** Takes an event out of the index at once. */
  forget(stream: StreamKey, position: string): Promise<void>;
}

const PAGE = { events: 500, bytes: 4 * 1024 * 1024 };
const FOUND = 500;

/**
 * Erases what was told of a context (D-5), in the user's source and in the channels that were derived from it: places
 * and hashes stay, so numbers stay dense and chains verify; data are gone. Tells the channels that the context is
 * deleted. Gives how many events were erased in the source; 0 if nothing was known of it.
 *
 * The index finds the events: it must hold all that was committed before. It forgets them last, so that an erasure that
 * was cut short is found again, and done whole, by the next.
 */
export async function eraseContext(
  parts: EraseParts,
  feed: Feed,
  context: string,
  now: number,
): Promise<number> {
  const { log } = parts;
  const hits = await findAll(parts.search, feed, context);
  if (hits.length === 0) return 0;
  const known = feed.pages.contexts.get(context);
  await feed.write([
    {
      ...{ kind: 'context', operation: 'delete', message: `erase_${randomUUID()}`, at: now, from: {} },
      erased: true,
      context: { id: context, type: known?.type ?? 'page', privacyLevel: known?.level ?? 'public' },
    },
  ]);
  const places = hits.flatMap(({ position }) => parsePosition(position) ?? []);
  const numbers = new Set(places.map(({ epoch, offset }) => feed.numberOf(epoch, offset)));
  const told: Told = {
    numbers,
    urls: new Set(hits.map(({ facets }) => facets['url'] ?? '')),
    titles: new Set(hits.map(({ title }) => title)),
  };
  for (const channel of USER_CHANNELS)
    await eraseDerived(log, userChannelKey(feed.tenant, feed.user, channel), told);
  for (const at of places) await log.redact(feed.source, at);
  for (const { position } of hits) await parts.forget(feed.source, position);
  return hits.length;
}

async function findAll(search: Search, feed: Feed, context: string): Promise<readonly Hit[]> {
  const all: Hit[] = [];
  for (;;) {
    const last = all.at(-1);
    const found = await search.find({
      ...{ tenant: feed.tenant, stream: feed.source, facets: { context }, order: 'newest', limit: FOUND },
      ...(last === undefined ? {} : { before: { time: last.time, position: last.position } }),
    });
    // What is known only to be deleted was erased before.
    all.push(...found);
    if (found.length < FOUND) return all.filter(({ facets }) => facets['operation'] !== 'delete');
  }
}

/** What is to be erased in a channel: what comes from these source events, and what tabs told of the same page. */
interface Told {
  readonly numbers: ReadonlySet<number>;
  readonly urls: ReadonlySet<string>;
  readonly titles: ReadonlySet<string>;
}

/** Source numbers grow along a channel, so the first that matters is found by halves. */
async function eraseDerived(log: Erasable, key: StreamKey, told: Told): Promise<void> {
  const bounds = await log.bounds(key);
  if (bounds === undefined || told.numbers.size === 0) return;
  let at: Position = await beforeNumber(log, key, Math.min(...told.numbers));
  for (;;) {
    const slice = await log.read(key, at, PAGE);
    if (slice.kind === 'lost') {
      // One history ends where the next was begun.
      at = slice.resume;
      continue;
    }
    if (slice.kind !== 'events' || slice.batches.length === 0) return;
    for (const { epoch, first, events } of slice.batches) {
      for (const [index, { type, data }] of events.entries()) {
        if (typeof data !== 'string') continue;
        const number = sourceNumberOf(data);
        const ofIt = number !== undefined && told.numbers.has(number);
        if (ofIt || (type.startsWith('tab.') && isTabOf(data, told)))
          await log.redact(key, { epoch, offset: first + index });
      }
    }
    at = slice.next;
  }
}

/** A tab tells the URL and the title of the page in it, though its own message named neither. */
function isTabOf(data: string, { urls, titles }: Told): boolean {
  const { url, title } = (JSON.parse(data) as TabEvent).payload?.data ?? {};
  if (typeof url !== 'string' || typeof title !== 'string' || url + title === '') return false;
  return (url === '' || urls.has(url)) && (title === '' || titles.has(title));
}

/** Of what is in a channel under the kind of a tab's event: anybody may have broadcast it. */
interface TabEvent {
  readonly payload?: { readonly data?: { readonly url?: unknown; readonly title?: unknown } | null };
}

/** A place in a channel before all events that come from a source number or a later one. */
async function beforeNumber(log: Erasable, key: StreamKey, number: number): Promise<Position> {
  const bounds = await log.bounds(key);
  if (bounds === undefined) throw new RangeError('The channel is gone.');
  const { start, latest } = bounds;
  if (start.epoch !== latest.epoch) return start;
  let low = start.offset;
  let high = latest.offset;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    const found = await numberAt(log, key, { epoch: latest.epoch, offset: middle });
    // One that was erased tells nothing: then everything from here on is looked at.
    if (found !== undefined && found < number) low = middle;
    else high = middle - 1;
  }
  return { epoch: latest.epoch, offset: low };
}

async function numberAt(
  log: Erasable,
  key: StreamKey,
  { epoch, offset }: Position,
): Promise<number | undefined> {
  const slice = await log.read(key, { epoch, offset: offset - 1 }, { events: 1, bytes: 1 });
  const data = slice.kind === 'events' ? slice.batches[0]?.events[0]?.data : undefined;
  return typeof data === 'string' ? sourceNumberOf(data) : undefined;
}
