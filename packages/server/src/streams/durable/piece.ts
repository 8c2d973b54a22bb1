import type { Exchange, Reply } from '../../http/exchange.ts';
import { wholeBody } from './body-encoding.ts';
import { cacheControl, etagOf, isKnown, varyOf } from './caching.ts';
import { contentKind } from './content-kind.ts';
import type { DurableParts } from './durable-parts.ts';
import type { Reading } from './reading.ts';
import { CONTENT_HEADERS, streamHeaders } from './stream-headers.ts';

/** What follows a place, as much as one answer holds. `more` are further headers. */
export function piece(
  { cache }: DurableParts,
  exchange: Exchange,
  { bounds, after, slice }: Reading,
  more: Readonly<Record<string, string>> = {},
): Reply {
  const { contentType, ttl } = bounds;
  const { next, latest, closed } = slice;
  const got = { from: after, next, closed };
  const upToDate = next.epoch === latest.epoch && next.offset === latest.offset;
  const etag = etagOf(got);
  const headers = {
    ...streamHeaders(contentType, next),
    ...(upToDate ? { 'Stream-Up-To-Date': 'true' } : {}),
    ...(closed ? { 'Stream-Closed': 'true' } : {}),
    ETag: etag,
    'Cache-Control': cacheControl(got, ttl, cache),
    ...varyOf(cache),
    ...CONTENT_HEADERS,
    ...more,
  };
  if (isKnown(exchange.request.headers, etag)) return { status: 304, headers };
  return { status: 200, headers, body: wholeBody(contentKind(contentType), slice.batches) };
}
