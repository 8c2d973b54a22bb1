import type { Position } from '@playhead/protocol';
import type { Bounds, EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';

const ONE = { events: 1, bytes: 1 } as const;

/**
 * The position of the last event that was appended at a time (ms since 1970) or before; undefined if all that is
 * retained is later. Time does not go back within a stream (P-12), so halving finds it in a few reads of one event; a
 * recording is made of pictures, and reading them all would cost as much as it is large.
 */
export async function findEvent(
  log: EventLog,
  key: StreamKey,
  bounds: Bounds,
  time: number,
): Promise<Position | undefined> {
  const starts = await spanStarts(log, key, bounds);
  for (const start of starts.reverse()) {
    const found = await findWithin(log, key, start, bounds.latest, time);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Where each retained epoch begins, the oldest first: the position that its events follow. */
async function spanStarts(log: EventLog, key: StreamKey, bounds: Bounds): Promise<Position[]> {
  let start = bounds.start;
  const starts = [start];
  while (start.epoch < bounds.latest.epoch) {
    // Nothing goes from one epoch to the next in silence (L5): a read from its end names the next.
    const slice = await log.read(key, { epoch: start.epoch, offset: Number.MAX_SAFE_INTEGER }, ONE);
    if (slice.kind !== 'lost' || slice.resume.epoch <= start.epoch) break;
    start = slice.resume;
    starts.push(start);
  }
  return starts;
}

async function findWithin(
  log: EventLog,
  key: StreamKey,
  start: Position,
  latest: Position,
  time: number,
): Promise<Position | undefined> {
  const { epoch } = start;
  const early = (offset: number): Promise<boolean> => isEarly(log, key, { epoch, offset }, time);
  // Up to `low` all are early, from `high` on none is.
  let low = start.offset;
  let high = low + 1;
  if (epoch === latest.epoch) high = latest.offset + 1;
  else for (let step = 1; await early(high); step *= 2, high = low + step) low = high;
  while (low + 1 < high) {
    const middle = Math.floor((low + high) / 2);
    if (await early(middle)) low = middle;
    else high = middle;
  }
  return low === start.offset ? undefined : { epoch, offset: low };
}

/** Whether that event was appended at the time or before. What was trimmed meanwhile was. */
async function isEarly(
  log: EventLog,
  key: StreamKey,
  { epoch, offset }: Position,
  time: number,
): Promise<boolean> {
  const slice = await log.read(key, { epoch, offset: offset - 1 }, ONE);
  switch (slice.kind) {
    case 'events':
      return (slice.batches[0]?.time ?? Number.POSITIVE_INFINITY) <= time;
    case 'lost':
      return slice.resume.epoch === epoch && slice.resume.offset >= offset;
    case 'missing':
      return false;
  }
}
