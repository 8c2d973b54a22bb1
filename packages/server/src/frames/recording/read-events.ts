import type { Position } from '@playhead/protocol';
import type { EventLog, ReadLimit } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import { type RecordingEvent, readRecordingEvent } from './recording-event.ts';

export interface Entry {
  readonly position: Position;
  /** When it was appended, ms since 1970. */
  readonly time: number;
  readonly event: RecordingEvent | undefined;
}

/**
 * What follows a position. `lost`: nothing does without a gap, `next` is where to go on. Undefined: there is no such
 * stream any more.
 */
export async function readEvents(
  log: EventLog,
  key: StreamKey,
  after: Position,
  limit: ReadLimit,
): Promise<
  | {
      readonly lost: boolean;
      readonly entries: readonly Entry[];
      readonly next: Position;
      readonly end: boolean;
    }
  | undefined
> {
  const slice = await log.read(key, after, limit);
  switch (slice.kind) {
    case 'missing':
      return undefined;
    case 'lost':
      return { lost: true, entries: [], next: slice.resume, end: false };
    case 'events': {
      const { next, latest } = slice;
      const entries = slice.batches.flatMap(({ epoch, first, time, events }) =>
        events.map((event, i) => ({
          position: { epoch, offset: first + i },
          time,
          event: readRecordingEvent(event),
        })),
      );
      return { lost: false, entries, next, end: next.epoch === latest.epoch && next.offset >= latest.offset };
    }
  }
}
