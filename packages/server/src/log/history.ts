import type { Epoch, Position } from '@playhead/protocol';

/** What is retained of one epoch of a stream. A stream is a list of these, oldest first, the current one last. */
export interface Span {
  readonly epoch: Epoch;
  /** The oldest offset retained; `latest + 1` if none is. */
  readonly earliest: number;
  /** The newest offset there ever was; 0 before the first. */
  readonly latest: number;
}

/** Where a position stands in a stream's history. */
export type Located =
  /** Events follow it in `spans[index]`. */
  | { readonly kind: 'inside'; readonly index: number }
  /** It is the latest position. */
  | { readonly kind: 'end' }
  | { readonly kind: 'lost'; readonly missed: number | null; readonly resume: Position };

/**
 * Finds what follows `after`. Nothing crosses from one epoch to the next in silence (L4, L5): at the end of an old
 * epoch, as before the earliest event, the reader is told where to go on. `resume` never skips what is retained
 * and never goes back behind what `after` had passed. A count of what was missed is given only within an epoch:
 * how much an old epoch lost at its end, nobody knows.
 */
export function locate(spans: readonly Span[], after: Position): Located {
  const last = spans.length - 1;
  const index = spans.findIndex((span) => span.epoch >= after.epoch);
  const span = spans[index];
  // An epoch that is newer than all of them is not of this stream: everything is new to that reader.
  if (span === undefined) return { kind: 'lost', missed: null, resume: startOf(spans[0]) };
  if (span.epoch !== after.epoch) return { kind: 'lost', missed: null, resume: startOf(span) };
  if (after.offset + 1 < span.earliest) {
    if (span.earliest > span.latest && index < last) {
      return { kind: 'lost', missed: null, resume: startOf(spans[index + 1]) };
    }
    return { kind: 'lost', missed: span.earliest - 1 - after.offset, resume: startOf(span) };
  }
  if (after.offset < span.latest) return { kind: 'inside', index };
  if (index < last) return { kind: 'lost', missed: null, resume: startOf(spans[index + 1]) };
  if (after.offset === span.latest) return { kind: 'end' };
  // Ahead of the latest event: no reader of this history can have got there, so all of it is new to this one (D-7).
  return { kind: 'lost', missed: null, resume: startOf(spans[0]) };
}

/** The position that every retained event of a span follows. */
function startOf(span: Span | undefined): Position {
  if (span === undefined) throw new RangeError('A stream without an epoch.');
  return { epoch: span.epoch, offset: span.earliest - 1 };
}
