import type { Position } from '@playhead/protocol';
import type { Bounds, EventLog } from '../log/event-log.ts';
import type { StreamKey } from '../log/stream-key.ts';

/**
 * The position behind which the events of a time and later follow, and behind which none that is later is skipped.
 * Time does not go back within a stream (P-12), so halving finds it in a few reads of one event. Only the current epoch
 * is searched: where the time lies before it, it is the beginning of what is retained.
 */
export async function positionSince(
  log: EventLog,
  key: StreamKey,
  { start, latest }: Bounds,
  since: number,
): Promise<Position> {
  const { epoch } = latest;
  let low = start.epoch === epoch ? start.offset : 0;
  if (start.epoch !== epoch && !((await timeBehind(log, key, { epoch, offset: low })) < since)) return start;
  // Everything up to `low` is earlier, what follows `high` is not.
  for (let high = latest.offset; low < high; ) {
    const middle = Math.floor((low + high) / 2);
    if ((await timeBehind(log, key, { epoch, offset: middle })) < since) low = middle + 1;
    else high = middle;
  }
  return { epoch, offset: low };
}

/** When the event behind a position was appended, ms. What was trimmed meanwhile is earlier than anything. */
async function timeBehind(log: EventLog, key: StreamKey, after: Position): Promise<number> {
  const slice = await log.read(key, after, { events: 1, bytes: 1 });
  switch (slice.kind) {
    case 'events':
      return slice.batches[0]?.time ?? Number.POSITIVE_INFINITY;
    case 'lost':
      return Number.NEGATIVE_INFINITY;
    case 'missing':
      return Number.POSITIVE_INFINITY;
  }
}
