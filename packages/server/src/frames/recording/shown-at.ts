import type { Position } from '@playhead/protocol';
import type { EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import { readFrameMessage } from '../frame-message.ts';
import type { Frame } from '../frames.ts';
import type { Gap, ShownAt } from '../recordings.ts';
import { findEvent } from './find-event.ts';
import { type Entry, readEvents } from './read-events.ts';
import type { RecordingEvent } from './recording-event.ts';

/** Events looked at behind the one that was found, at most. */
const BESIDE = 8;

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
  let [entry] = await readSome(log, key, found, 1);
  // Told at the very moment behind which nothing is known: what is before it holds for that moment.
  if (startsLater(entry?.event, time))
    [entry] = await readSome(log, key, { ...found, offset: found.offset - 1 }, 1);
  if (entry === undefined) return { kind: 'nothing', reason: 'trimmed' };
  const { epoch } = entry.position;
  const behind = ({ position }: Entry): Promise<Entry[]> =>
    readSome(log, key, { epoch, offset: position.offset + 1 }, BESIDE);
  let later = await behind(entry);
  // A frame is of a moment before it was written: the one that was on its way just then was shown already.
  for (let [next] = later; next?.event?.type === 'frame' && shownFrom(next, 0) <= time; [next] = later) {
    entry = next;
    later = await behind(next);
  }
  const last = epoch === bounds.latest.epoch;
  return judge(log, key, entry, later, { time, holds: later.length > 0 || (running && last) });
}

/** The events from a position on: at most so many, none beyond the next frame, and only what is left of it. */
async function readSome(log: EventLog, key: StreamKey, first: Position, most: number): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (let after = { ...first, offset: first.offset - 1 }; entries.length < most; ) {
    // One by one: frames may be large.
    const read = await readEvents(log, key, after, { events: 1, bytes: 1 });
    if (read === undefined || read.lost || read.entries.length === 0) break;
    entries.push(...read.entries);
    if (entries.length > 1 && entries.at(-1)?.event?.type === 'frame') break;
    after = read.next;
  }
  return entries;
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

function startsLater(event: RecordingEvent | undefined, time: number): boolean {
  return (event?.type === 'gap' || event?.type === 'end') && event.from > time;
}

/** A frame is written so soon after it was made, ms, if the clock is ours. */
const LAG_MS = 1_000;

/**
 * Since when the frame that an entry is was shown, ms: since it was made, a moment before it was written. A camera that
 * tells the time by itself may be far off, and a recorder that begins writes a picture that may be old: those were
 * written when they were shown, as far as anybody knows. `before`: when the entry before it was written.
 */
export function shownFrom({ event, time }: Entry, before: number): number {
  const made = frameOf(event)?.head.time ?? time;
  return made > time || made < time - LAG_MS ? time : Math.max(made, before);
}
