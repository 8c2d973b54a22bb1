import type { Epoch, Position } from '@playhead/protocol';

/**
 * Under which epochs the history of a fork was known before it was forked. A reader of the source that goes over to
 * the fork brings a position of the source: up to the border both have the same events at the same offsets.
 */
export interface Lineage {
  /** The fork's own first epoch, to which what it inherits belongs. */
  readonly own: Epoch;
  /** Nearest first: a position of `epoch` up to and with offset `last` is one of the fork's. */
  readonly ancestors: readonly Ancestor[];
}

export interface Ancestor {
  readonly epoch: Epoch;
  readonly last: number;
}

/** A chain of forks may be longer; a position of one that is further away is then unknown. */
const ANCESTORS_MAX = 256;

/** That of a fork whose first epoch is `own`, made at a position of a stream with the lineage `of`. */
export function lineageOf(own: Epoch, at: Position, of: Lineage | undefined): Lineage {
  const inherited = of?.own === at.epoch ? of.ancestors : [];
  const clipped = inherited.map(({ epoch, last }) => ({ epoch, last: Math.min(last, at.offset) }));
  return { own, ancestors: [{ epoch: at.epoch, last: at.offset }, ...clipped].slice(0, ANCESTORS_MAX) };
}

/** The position in the stream's own epochs that a position of an ancestor names; any other as it is. */
export function asOwn(position: Position, lineage: Lineage | undefined): Position {
  if (lineage === undefined || position.epoch === lineage.own) return position;
  for (const { epoch, last } of lineage.ancestors) {
    if (epoch === position.epoch && position.offset <= last)
      return { epoch: lineage.own, offset: position.offset };
  }
  return position;
}
