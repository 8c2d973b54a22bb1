import { parsePosition } from '@playhead/protocol';
import type { EventLog } from '../log/event-log.ts';
import type { Hit } from './search.ts';

/**
 * Those hits that the log still holds: what was trimmed, deleted or erased meanwhile is not shown, however late the index
 * learns of it.
 */
export async function presentHits(log: EventLog, hits: readonly Hit[]): Promise<readonly Hit[]> {
  const present = await Promise.all(hits.map((hit) => isPresent(log, hit)));
  return hits.filter((_, i) => present[i]);
}

async function isPresent(log: EventLog, { stream, position, last = position }: Hit): Promise<boolean> {
  const from = parsePosition(position);
  const to = parsePosition(last);
  if (from === undefined || to === undefined || from.epoch !== to.epoch || from.offset < 1) return false;
  const count = to.offset - from.offset + 1;
  const before = { epoch: from.epoch, offset: from.offset - 1 };
  const slice = await log.read(stream, before, { events: count, bytes: BYTES });
  if (slice.kind !== 'events') return false;
  const events = slice.batches.flatMap((batch) =>
    batch.epoch === from.epoch ? batch.events.map(({ data }) => data) : [],
  );
  return events.length === count && !events.includes(null);
}

/** More than what one document is made of. */
const BYTES = 1024 * 1024;
