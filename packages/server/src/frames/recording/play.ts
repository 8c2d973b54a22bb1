import { comparePositions, type Position } from '@playhead/protocol';
import type { EventLog } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Playing, RecordedPicture, ShownAt } from '../recordings.ts';
import { findEvent } from './find-event.ts';
import { lastEntry } from './last-entry.ts';
import { readEvents } from './read-events.ts';
import { frameOf, shownFrom } from './shown-at.ts';

const PAGE = { events: 64, bytes: 1024 * 1024 } as const;

/**
 * The pictures of a span, in order, and when they are shown. What is written after the call is not part of it; what is
 * trimmed meanwhile is left out. At most about a MiB of it is in memory.
 */
export async function play(
  log: EventLog,
  key: StreamKey,
  span: { readonly from: number; readonly to: number },
  at: (time: number) => Promise<ShownAt>,
): Promise<Playing | undefined> {
  const last = await lastEntry(log, key);
  const bounds = await log.bounds(key);
  if (last === undefined || bounds === undefined) return undefined;
  const { event } = last;
  const known = event?.type === 'gap' || event?.type === 'end' ? event.from : last.time;
  const first = await at(span.from);
  const behind = await findEvent(log, key, bounds, span.from);
  const start: Position =
    first.kind === 'shown'
      ? { ...first.position, offset: first.position.offset - 1 }
      : (behind ?? bounds.start);
  let to = Math.min(span.to, known);
  let shown = await at(to);
  if (shown.kind === 'gap' && shown.gap.from > span.from) {
    to = Math.min(to, shown.gap.from);
    shown = await at(to - 1);
  }
  const limit = { from: span.from, to, until: last.position };
  const pictures = readPictures(log, key, start, limit);
  const begin = await pictures.next();
  if (begin.done === true) return undefined;
  const lastTime = shown.kind === 'shown' ? shown.frame.head.time : to;
  const from = begin.value.shown;
  return {
    from,
    to: Math.max(to, from),
    lastMs: Math.max(0, to - Math.max(lastTime, from)),
    pictures: again(begin.value, pictures),
  };
}

async function* again(
  first: RecordedPicture,
  rest: AsyncIterable<RecordedPicture>,
): AsyncGenerator<RecordedPicture> {
  yield first;
  yield* rest;
}

async function* readPictures(
  log: EventLog,
  key: StreamKey,
  after: Position,
  { from, to, until }: { readonly from: number; readonly to: number; readonly until: Position },
): AsyncGenerator<RecordedPicture> {
  /** When the film began, and how much of it was left out, ms. */
  let zero: number | undefined;
  let cut = 0;
  let shown = from;
  let number: number | undefined;
  let gap: number | undefined;
  let before = 0;
  for (let next = after; comparePositions(next, until) < 0; ) {
    const read = await readEvents(log, key, next, PAGE);
    if (read === undefined) return;
    if (read.lost) gap ??= shown;
    for (const entry of read.entries) {
      const { event, position, time } = entry;
      const since = shownFrom(entry, before);
      before = time;
      if (comparePositions(position, until) > 0) return;
      if (event?.type === 'gap' || event?.type === 'end') gap ??= Math.max(event.from, shown);
      if (event?.type !== 'frame') continue;
      const frame = frameOf(event);
      if (frame === undefined) {
        // Erased: what was shown from here on is not known any more.
        gap ??= Math.max(time, shown);
        continue;
      }
      if (since > to) return;
      // The same again, so that it outlives the first.
      if (gap === undefined && frame.head.number === number) continue;
      shown = Math.max(shown, since);
      number = frame.head.number;
      if (gap !== undefined && zero !== undefined) cut += Math.max(0, shown - gap);
      gap = undefined;
      zero ??= shown;
      yield { jpeg: frame.jpeg, time: shown - zero - cut, shown };
    }
    if (read.end && !read.lost) return;
    next = read.next;
  }
}
