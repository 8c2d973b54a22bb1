import type { IncomingHttpHeaders } from 'node:http';

/** Header names and values, one after the other. */
export type HeaderList = readonly string[];

export interface Cors {
  /** The headers that let a page of that origin read the answer; none if it must not. */
  headers(origin: string): HeaderList;
  /** The answer's headers for a preflight request. */
  preflight(request: IncomingHttpHeaders, methods: readonly string[]): HeaderList;
}

const EXPOSED = [
  'X-Request-Id',
  'X-RateLimit-Limit',
  'X-RateLimit-Remaining',
  'X-RateLimit-Reset',
  'Retry-After',
  'x-should-retry',
  'Location',
  'ETag',
  'Link',
  'Stream-Next-Offset',
  'Stream-Up-To-Date',
  'Stream-Closed',
  'Stream-Cursor',
  'Stream-TTL',
  'Stream-Expires-At',
  'Stream-SSE-Data-Encoding',
  'Producer-Epoch',
  'Producer-Seq',
  'Producer-Expected-Seq',
  'Producer-Received-Seq',
  '*',
].join(', ');
const ALLOWED =
  'Authorization, X-API-Key, Content-Type, Last-Event-ID, X-Request-Id, If-Match, If-None-Match';
const HEADER_NAMES = /^[A-Za-z0-9!#$&'*+.^_`|~, -]{1,1024}$/;
const NONE: HeaderList = [];

/**
 * CORS for keys, never for cookies (D-37): `Access-Control-Allow-Credentials` is not sent, so a foreign page can
 * act only with a key that it has. `'*'` answers every origin; a list answers those in it and tells caches that
 * the answer varies.
 */
export function cors(origins: '*' | readonly string[]): Cors {
  const any: HeaderList = ['Access-Control-Allow-Origin', '*', 'Access-Control-Expose-Headers', EXPOSED];
  const listed = origins === '*' ? undefined : new Set(origins);

  function headers(origin: string): HeaderList {
    if (listed === undefined) return any;
    if (!listed.has(origin)) return ['Vary', 'Origin'];
    return [
      'Access-Control-Allow-Origin',
      origin,
      'Access-Control-Expose-Headers',
      EXPOSED,
      'Vary',
      'Origin',
    ];
  }

  return {
    headers,
    preflight(request, methods) {
      const origin = request.origin;
      if (origin === undefined) return NONE;
      if (listed !== undefined && !listed.has(origin)) return ['Vary', 'Origin'];
      const wanted = request['access-control-request-headers'];
      return [
        ...headers(origin),
        'Access-Control-Allow-Methods',
        methods.join(', '),
        // What is asked for is granted: a header alone gives no right, and SDKs send names of their own.
        'Access-Control-Allow-Headers',
        wanted !== undefined && HEADER_NAMES.test(wanted) ? `${ALLOWED}, ${wanted}` : ALLOWED,
        'Access-Control-Max-Age',
        '600',
      ];
    },
  };
}
