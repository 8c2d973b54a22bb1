import type { EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import { findEvent } from './find-event.ts';
import { type Entry, readEvents } from './read-events.ts';

/** The newest event of a recording; undefined if nothing is retained, or there is none. */
export async function lastEntry(
  log: EventLog,
  key: StreamKey,
): Promise<(Entry & { readonly closed: boolean }) | undefined> {
  const bounds = await log.bounds(key);
  if (bounds === undefined) return undefined;
  const at = await findEvent(log, key, bounds, Number.POSITIVE_INFINITY);
  if (at === undefined) return undefined;
  const read = await readEvents(
    log,
    key,
    { epoch: at.epoch, offset: at.offset - 1 },
    { events: 1, bytes: 1 },
  );
  const entry = read?.entries[0];
  return entry === undefined ? undefined : { ...entry, closed: bounds.closed };
}
