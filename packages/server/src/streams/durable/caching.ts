import { formatPosition, type Position } from '@playhead/protocol';
import type { IncomingHttpHeaders } from 'node:http';

/** A piece of a stream that was read. */
export interface Piece {
  readonly from: Position;
  readonly next: Position;
  /** The stream is closed and `next` is its end. */
  readonly closed: boolean;
}

/** What was read from one place to another never changes; that nothing follows it may. */
export function etagOf({ from, next, closed }: Piece): string {
  return `"${formatPosition(from)}:${formatPosition(next)}${closed ? ':c' : ''}"`;
}

/** Whether the reader has this piece: `If-None-Match` compares weakly. */
export function isKnown(headers: IncomingHttpHeaders, etag: string): boolean {
  const known = headers['if-none-match'];
  if (known === undefined) return false;
  return known.split(',').some((text) => text.trim() === '*' || text.trim().replace(/^W\//, '') === etag);
}

const FRESH_S = 60;

/**
 * How long caches may keep a piece. One that is empty says that nothing follows: it must be asked for again, unless
 * nothing ever will. Nothing is kept for longer than the stream may live unused. What a key opened is for its holder
 * (`private`), unless the operator has said that caches may share it.
 */
export function cacheControl(piece: Piece, ttl: number | undefined, cache: 'private' | 'public'): string {
  const empty = piece.from.epoch === piece.next.epoch && piece.from.offset === piece.next.offset;
  if (empty && !piece.closed) return `${cache}, no-cache`;
  const age = Math.min(FRESH_S, Math.floor((ttl ?? Number.POSITIVE_INFINITY) / 1000));
  return `${cache}, max-age=${age}, stale-while-revalidate=${age * 5}`;
}

/** What a cache of one reader tells keys apart by. A cache that is allowed to share does not. */
export function varyOf(cache: 'private' | 'public'): Record<string, string> {
  return cache === 'private' ? { Vary: 'Authorization, X-API-Key' } : {};
}
