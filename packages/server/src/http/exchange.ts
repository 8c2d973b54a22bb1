import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal } from '../access/principal.ts';

/** One HTTP request and its response, as handlers see them. */
export interface Exchange {
  /** `req_` and 20 characters; sent back as `X-Request-Id`. */
  readonly id: string;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path parameters, percent-decoded. The rest behind a `*` is `params['*']`. */
  readonly params: Readonly<Record<string, string>>;
  /** Query parameters. Credentials (`ticket`, `token`) are taken out before a handler sees it. */
  readonly query: URLSearchParams;
  /** The address of the caller; a forwarded one only from a trusted proxy. */
  readonly address: string;
  /** True if the caller reached the server, or a trusted proxy before it, over TLS. */
  readonly secure: boolean;
  /** Who calls. Undefined only on routes whose access is `public` or `optional`. */
  readonly principal: Principal | undefined;
  /** The whole body; throws `too-large` beyond the route's limit. */
  body(): Promise<Buffer>;
  /** The body as JSON: throws `unsupported-media-type`, `invalid-json` or `too-large`. */
  json(): Promise<unknown>;
}

/** What a handler answers; undefined if it wrote to `response` by itself. */
export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A value to send as JSON; bytes and text as they are (with a `content-type` in `headers`). */
  readonly body?: unknown;
}

export type Handler = (exchange: Exchange) => Promise<Reply | undefined> | Reply | undefined;
