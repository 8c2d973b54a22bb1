import type { EventLog } from '../../log/event-log.ts';
import type { Feed } from './feed.ts';
import type { Json, JsonObject } from './json-value.ts';
import type { KnownContext } from './known-pages.ts';
import { readNumber } from './sequence-number.ts';
import { readSourceEvent, type SourceEvent } from './source-event.ts';

/** The event of a user's source with a number; undefined if it is not retained, or was erased. */
export async function sourceEventAt(
  log: EventLog,
  feed: Feed,
  number: number,
): Promise<SourceEvent | undefined> {
  const epoch = feed.epochOf(number);
  if (epoch === undefined) return undefined;
  const { offset } = readNumber(number);
  const slice = await log.read(feed.source, { epoch, offset: offset - 1 }, { events: 1, bytes: 1 });
  const [batch] = slice.kind === 'events' ? slice.batches : [];
  const [event] = batch?.first === offset && batch.epoch === epoch ? batch.events : [];
  return event === undefined ? undefined : readSourceEvent(event);
}

/** A context as REST shows it: what is known of it, and the newest of each part of its content. */
export async function viewContext(log: EventLog, feed: Feed, known: KnownContext): Promise<JsonObject> {
  const events = new Map<number, SourceEvent | undefined>();
  for (const number of new Set(Object.values(known.parts)))
    events.set(number, await sourceEventAt(log, feed, number));
  const parts: [string, Json][] = [];
  for (const [part, number] of Object.entries(known.parts)) {
    const event = events.get(number);
    const value = event?.kind === 'context' ? event.context[part] : undefined;
    if (value !== undefined) parts.push([part, value]);
  }
  const { id, type, url, title, tabId, windowId, device, level, createdAt, updatedAt } = known;
  return {
    content: null,
    ...Object.fromEntries(parts),
    ...{ contextId: id, userId: feed.user, type, url, title },
    timestamp: new Date(updatedAt).toISOString(),
    createdAt: new Date(createdAt).toISOString(),
    privacyLevel: level,
    ...(tabId === null ? {} : { tabId }),
    ...(windowId === null ? {} : { windowId }),
    ...(device === null ? {} : { device: { ...device } }),
  };
}
