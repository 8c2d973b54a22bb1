import { parsePosition } from '@playhead/protocol';
import type { EventLog } from '../../log/event-log.ts';
import type { Search } from '../../search/search.ts';
import { sourceEventAt, viewContext } from './context-view.ts';
import { eventWriter } from './derived-event.ts';
import type { Feed } from './feed.ts';
import { type IndexState, isIndexed, PATIENCE_MS } from './is-indexed.ts';
import type { JsonObject } from './json-value.ts';
import { KnownPages } from './known-pages.ts';
import { project } from './projection.ts';

export interface PastParts extends IndexState {
  readonly log: EventLog;
  readonly search: Search;
}

/** What was told of one context longer ago than this many times is not looked at. */
const TOLD = 100;

/**
 * A context that is open no longer, or was told of too long ago to be held in mind, as it was told last; undefined if
 * nothing was ever told of it, or if it was deleted. The index says where.
 */
export async function pastContext(
  parts: PastParts,
  feed: Feed,
  context: string,
): Promise<JsonObject | undefined> {
  const { log, search } = parts;
  await isIndexed(parts, PATIENCE_MS);
  const { tenant, user, source } = feed;
  const hits = await search.find({
    ...{ tenant, stream: source, facets: { context }, order: 'newest', limit: TOLD },
  });
  const pages = new KnownPages();
  const writer = eventWriter(tenant, user);
  const numbers = hits
    .flatMap(({ position }) => parsePosition(position) ?? [])
    .map(({ epoch, offset }) => feed.numberOf(epoch, offset))
    .toSorted((a, b) => a - b);
  for (const number of numbers) {
    const event = await sourceEventAt(log, feed, number);
    if (event !== undefined) project(pages, event, number, writer);
  }
  const known = pages.contexts.get(context);
  return known === undefined ? undefined : viewContext(log, feed, known);
}
