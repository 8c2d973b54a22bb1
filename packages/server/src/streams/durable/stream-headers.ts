import { formatPosition, type Position } from '@playhead/protocol';
import type { Bounds } from '../../log/event-log.ts';

/** What every answer with a stream's content or description says. */
export function streamHeaders(contentType: string, next: Position): Record<string, string> {
  return { 'Content-Type': contentType, 'Stream-Next-Offset': formatPosition(next) };
}

/** Of a stream itself: how it was made, and whether it is closed. */
export function describingHeaders({
  contentType,
  latest,
  closed,
  ttl,
  expiresAt,
}: Bounds): Record<string, string> {
  return {
    ...streamHeaders(contentType, latest),
    ...(closed ? { 'Stream-Closed': 'true' } : {}),
    ...(ttl === undefined ? {} : { 'Stream-TTL': String(Math.floor(ttl / 1000)) }),
    ...(expiresAt === undefined ? {} : { 'Stream-Expires-At': new Date(expiresAt).toISOString() }),
  };
}

/** For what pages of other origins may hold, and what a browser must not take for a page of ours (D-23). */
export const CONTENT_HEADERS: Readonly<Record<string, string>> = {
  'Cross-Origin-Resource-Policy': 'cross-origin',
  'Content-Security-Policy': 'sandbox',
};
