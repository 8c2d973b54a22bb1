import type { Epoch, Position } from '@playhead/protocol';
import type { Appended, AppendOptions } from './event-log.ts';

/**
 * Decides what an append does to a stream, without doing it: pure, and the same in every engine that sequences
 * in one process. The checks stand in this order, because a retry must get its first answer whatever happened
 * since (L7), and closed is final for everything else (L8):
 *
 *     repeated → fenced → closed → other-type → sequence-gap | mismatch → out-of-order → appended
 *
 * A writer that was replaced learns so of a closed stream too: it is what it must act on.
 */
export function sequence(tip: Tip, writer: WriterTip | undefined, request: AppendRequest): Decision {
  const { count, close, guard, ordinal } = request;
  if (guard?.kind === 'writer' && writer !== undefined) {
    if (guard.epoch < writer.epoch) return answer({ kind: 'fenced', epoch: writer.epoch });
    if (guard.epoch === writer.epoch && guard.sequence <= writer.sequence) {
      return answer({
        kind: 'repeated',
        position: firstAnswer(writer, guard.sequence),
        sequence: guard.sequence,
        newest: writer.sequence,
        closed: tip.closed,
      });
    }
  }
  const latest: Position = { epoch: tip.epoch, offset: tip.latest };
  if (tip.closed) return answer({ kind: 'closed', latest });
  if (request.otherType !== undefined) return answer({ kind: 'other-type', contentType: request.otherType });
  let next: WriterTip | undefined;
  if (guard !== undefined) {
    if (guard.kind === 'expected') {
      if (guard.latest.epoch !== tip.epoch || guard.latest.offset !== tip.latest) {
        return answer({ kind: 'mismatch', latest });
      }
    } else {
      const known = writer !== undefined && guard.epoch === writer.epoch ? writer : undefined;
      const expected = known === undefined ? 0 : known.sequence + 1;
      if (guard.sequence !== expected) {
        const epoch = writer === undefined ? {} : { epoch: writer.epoch };
        return answer({ kind: 'sequence-gap', expected, received: guard.sequence, ...epoch });
      }
      const position: Position = { epoch: tip.epoch, offset: tip.latest + count };
      const recent = known === undefined ? [] : known.recent.slice(1 - REMEMBERED);
      next = { epoch: guard.epoch, sequence: guard.sequence, recent: [...recent, position] };
    }
  }
  if (ordinal !== undefined && tip.ordinal !== undefined && ordinal <= tip.ordinal) {
    return answer({ kind: 'out-of-order', newest: tip.ordinal });
  }
  // Clocks go back; the times of a stream do not.
  const time = Math.max(request.now, tip.time);
  return {
    kind: 'append',
    first: tip.latest + 1,
    tip: {
      epoch: tip.epoch,
      latest: tip.latest + count,
      time,
      closed: close,
      ordinal: ordinal ?? tip.ordinal,
    },
    writer: next,
  };
}

/** How many of a writer's answers are kept; an older retry gets the oldest kept, which stands behind its own. */
export const REMEMBERED = 16;

/** Where a stream stands: all that the next append depends on, besides its own writer. */
export interface Tip {
  readonly epoch: Epoch;
  /** The newest offset; 0 before the first event. */
  readonly latest: number;
  /** Of the newest batch, ms since 1970. */
  readonly time: number;
  readonly closed: boolean;
  /** Of the newest append that had one. */
  readonly ordinal: string | undefined;
}

/** What is known of one idempotent writer of one stream. */
export interface WriterTip {
  readonly epoch: number;
  /** Its newest append. */
  readonly sequence: number;
  /** The answers to its newest appends in `epoch`, that of `sequence` last. Never empty, at most `REMEMBERED`. */
  readonly recent: readonly Position[];
}

export interface AppendRequest {
  /** How many events; 0 only with `close`. */
  readonly count: number;
  readonly close: boolean;
  readonly guard: AppendOptions['guard'];
  readonly ordinal: string | undefined;
  /** The stream's content type, if the append asks for another one. */
  readonly otherType: string | undefined;
  /** ms since 1970. */
  readonly now: number;
}

export type Decision =
  | {
      readonly kind: 'append';
      readonly first: number;
      readonly tip: Tip;
      readonly writer: WriterTip | undefined;
    }
  | { readonly kind: 'answer'; readonly answer: Appended };

function answer(value: Appended): Decision {
  return { kind: 'answer', answer: value };
}

function firstAnswer(writer: WriterTip, sequence: number): Position {
  const index = Math.max(0, writer.recent.length - 1 - (writer.sequence - sequence));
  const position = writer.recent[index];
  if (position === undefined) throw new RangeError('A writer without an answer.');
  return position;
}
