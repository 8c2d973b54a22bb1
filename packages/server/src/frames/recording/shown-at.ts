import type { EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import { readFrameMessage } from '../frame-message.ts';
import type { Frame } from '../frames.ts';
import type { Gap, ShownAt } from '../recordings.ts';
import { findEvent } from './find-event.ts';
import { type Entry, readEvents } from './read-events.ts';
import type { RecordingEvent } from './recording-event.ts';

/** Events read beside the one that was found, and their bytes, about. */
const BESIDE = { events: 4, bytes: 256 * 1024 } as const;

/** What was shown at a time, ms since 1970. `running`: what is written last still holds. */
export async function shownAt(
  log: EventLog,
  key: StreamKey,
  time: number,
  running: boolean,
): Promise<ShownAt> {
  const bounds = await log.bounds(key);
  if (bounds === undefined) return { kind: 'nothing', reason: 'not-recorded' };
  const found = await findEvent(log, key, bounds, time);
  const whole = bounds.epochIndex === 0 && bounds.start.offset === 0;
  if (found === undefined) return { kind: 'nothing', reason: whole ? 'before' : 'trimmed' };
  const read = await readEvents(log, key, { epoch: found.epoch, offset: found.offset - 1 }, BESIDE);
  if (read === undefined) return { kind: 'nothing', reason: 'not-recorded' };
  const entries = [...read.entries];
  // A frame is of a moment before it was written: the one that was on its way just then was shown already.
  while (entries[1] !== undefined && (frameOf(entries[1].event)?.head.time ?? Infinity) <= time)
    entries.shift();
  const [entry, ...later] = entries;
  if (entry === undefined) return { kind: 'nothing', reason: 'trimmed' };
  const lastEpoch = entry.position.epoch === bounds.latest.epoch;
  return judge(log, key, entry, later, { time, holds: later.length > 0 || (running && lastEpoch) });
}

async function judge(
  log: EventLog,
  key: StreamKey,
  entry: Entry,
  later: readonly Entry[],
  { time, holds }: { readonly time: number; readonly holds: boolean },
): Promise<ShownAt> {
  const { event, position } = entry;
  const gap = (from: number, reason: Gap['reason']): ShownAt => ({
    kind: 'gap',
    gap: { from, to: nextFrame(later), reason },
  });
  const next = later[0]?.event;
  if ((next?.type === 'gap' || next?.type === 'end') && next.from <= time) return gap(next.from, next.reason);
  switch (event?.type) {
    case undefined:
      return { kind: 'nothing', reason: 'erased' };
    case 'gap':
    case 'end':
      return gap(event.from, event.reason);
    case 'begin':
      return gap(event.time, 'starting');
    case 'frame': {
      if (!holds) return gap(entry.time, 'lost');
      const frame = frameOf(event);
      if (frame === undefined) return { kind: 'nothing', reason: 'erased' };
      return { kind: 'shown', frame, position, final: later.length > 0 };
    }
    case 'still': {
      if (!holds) return gap(event.time, 'lost');
      const at = { epoch: position.epoch, offset: event.frame };
      const read = await readEvents(log, key, { ...at, offset: at.offset - 1 }, { events: 1, bytes: 1 });
      const shown = read?.entries[0]?.event;
      if (read === undefined || read.lost || shown === undefined)
        return { kind: 'nothing', reason: 'trimmed' };
      const frame = frameOf(shown);
      if (frame === undefined) return { kind: 'nothing', reason: 'erased' };
      return { kind: 'shown', frame, position: at, final: later.length > 0 };
    }
  }
}

/** The frame that an event is; undefined for another, and for one that was erased. */
export function frameOf(event: RecordingEvent | undefined): Frame | undefined {
  return event?.type === 'frame' && event.message !== null ? readFrameMessage(event.message) : undefined;
}

function nextFrame(later: readonly Entry[]): number | null {
  let before = 0;
  for (const entry of later) {
    if (entry.event?.type === 'frame') return shownFrom(entry, before);
    before = entry.time;
  }
  return null;
}

/**
 * Since when the frame that an entry is was shown, ms: a moment before it was written. A recorder that begins writes a
 * picture that may be old; that it was shown before it began, it does not know. `before`: when the entry before it was
 * written.
 */
export function shownFrom({ event, time }: Entry, before: number): number {
  return Math.max(frameOf(event)?.head.time ?? time, before);
}
