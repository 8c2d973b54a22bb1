import { formatPosition, PlayheadError, type Position } from '@playhead/protocol';
import type { Bounds, EventLog, ReadLimit, Slice } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import { whyMissing } from './refusal.ts';

/** A read under way: which stream, how it was made, and behind which place. */
export interface Reading {
  readonly key: StreamKey;
  readonly bounds: Bounds;
  readonly after: Position;
  /** What follows, as far as one read gives it. */
  readonly slice: Extract<Slice, { kind: 'events' }>;
}

/** Begins to read a stream at a place. Throws `position-lost`, `stream-not-found` or `stream-gone`. */
export async function readingAt(
  log: EventLog,
  key: StreamKey,
  place: Position | 'start' | 'now',
  limit: ReadLimit,
): Promise<Reading> {
  const bounds = await log.bounds(key);
  if (bounds === undefined) throw await whyMissing(log, key);
  const after = place === 'start' ? bounds.start : place === 'now' ? bounds.latest : place;
  const slice = await log.read(key, after, limit);
  if (slice.kind === 'missing') throw await whyMissing(log, key);
  if (slice.kind === 'lost') throw lost(bounds, slice);
  return { key, bounds, after: slice.batches.length === 0 ? slice.next : after, slice };
}

function lost(bounds: Bounds, { resume, missed }: Extract<Slice, { kind: 'lost' }>): PlayheadError {
  return new PlayheadError('position-lost', 'This offset is not retained. Read on from `resume`.', {
    extensions: { earliest: formatPosition(bounds.earliest), resume: formatPosition(resume), missed },
  });
}
