/**
 * Every way in which a request can fail, once. `status` is the HTTP status, `close` the WebSocket close code
 * (4000–4499: reconnect; 4500–4999: do not), `retry` whether the same request may succeed later. Each code has
 * a heading in docs/errors.md.
 */
export const PROBLEMS: Readonly<Record<ProblemCode, ProblemRow>> = {
  'invalid-request': { status: 400, close: 4500, retry: false, title: 'The request is malformed' },
  'invalid-json': { status: 400, close: 4501, retry: false, title: 'The body is not valid JSON' },
  'invalid-position': { status: 400, close: 4502, retry: false, title: 'The position is malformed' },
  unauthenticated: { status: 401, close: 4510, retry: false, title: 'A valid key is needed' },
  forbidden: { status: 403, close: 4511, retry: false, title: 'The key does not allow this' },
  'not-found': { status: 404, close: 4520, retry: false, title: 'There is no such resource' },
  'stream-not-found': { status: 404, close: 4521, retry: false, title: 'There is no such stream' },
  'method-not-allowed': { status: 405, close: 4522, retry: false, title: 'The method is not allowed here' },
  'not-acceptable': {
    status: 406,
    close: 4523,
    retry: false,
    title: 'No representation fits the Accept header',
  },
  'timed-out': { status: 408, close: 4408, retry: true, title: 'Nothing was heard in time' },
  conflict: { status: 409, close: 4530, retry: false, title: 'The request conflicts with what exists' },
  fenced: { status: 409, close: 4531, retry: false, title: 'A newer writer has taken over' },
  'stream-closed': { status: 409, close: 4532, retry: false, title: 'The stream is closed' },
  'not-in-control': { status: 409, close: 4534, retry: false, title: 'Somebody else has control' },
  'position-lost': { status: 410, close: 4540, retry: false, title: 'The position is no longer retained' },
  'stream-gone': { status: 410, close: 4541, retry: false, title: 'The stream was deleted' },
  'precondition-failed': { status: 412, close: 4533, retry: false, title: 'The stream has moved on' },
  'too-large': { status: 413, close: 1009, retry: false, title: 'The body is larger than the limit' },
  'unsupported-media-type': {
    status: 415,
    close: 4524,
    retry: false,
    title: 'The content type is not accepted',
  },
  'misdirected-host': {
    status: 421,
    close: 4525,
    retry: false,
    title: 'This server does not answer for that host',
  },
  'upgrade-required': { status: 426, close: 4526, retry: false, title: 'This path speaks WebSocket' },
  'rate-limited': { status: 429, close: 4429, retry: true, title: 'Too many requests' },
  'too-many-failures': { status: 429, close: 4512, retry: false, title: 'Too many failed attempts' },
  internal: { status: 500, close: 1011, retry: true, title: 'The server failed' },
  'upstream-failed': {
    status: 502,
    close: 4402,
    retry: true,
    title: 'A service that this server depends on failed',
  },
  'upstream-timeout': {
    status: 504,
    close: 4404,
    retry: true,
    title: 'A service that this server depends on did not answer in time',
  },
  'not-served': { status: 501, close: 4590, retry: false, title: 'This server does not serve that' },
  draining: { status: 503, close: 1012, retry: true, title: 'The server is going away; reconnect' },
  overloaded: { status: 503, close: 1013, retry: true, title: 'The server is at its limit' },
  'storage-full': { status: 507, close: 4407, retry: true, title: 'The storage is full' },
};

export interface ProblemRow {
  readonly status: number;
  readonly close: number;
  readonly retry: boolean;
  readonly title: string;
}

export type ProblemCode =
  | 'invalid-request'
  | 'invalid-json'
  | 'invalid-position'
  | 'unauthenticated'
  | 'forbidden'
  | 'not-found'
  | 'stream-not-found'
  | 'method-not-allowed'
  | 'not-acceptable'
  | 'timed-out'
  | 'conflict'
  | 'fenced'
  | 'stream-closed'
  | 'not-in-control'
  | 'position-lost'
  | 'stream-gone'
  | 'precondition-failed'
  | 'too-large'
  | 'unsupported-media-type'
  | 'misdirected-host'
  | 'upgrade-required'
  | 'rate-limited'
  | 'too-many-failures'
  | 'internal'
  | 'upstream-failed'
  | 'upstream-timeout'
  | 'not-served'
  | 'draining'
  | 'overloaded'
  | 'storage-full';

/** RFC 9457 `application/problem+json`, the shape of errors on our own faces. */
export interface Problem {
  /** `urn:playhead:error:<code>`; the code is a heading of docs/errors.md. */
  readonly type: string;
  readonly code: ProblemCode;
  readonly title: string;
  readonly status: number;
  /** What was wrong this time, and what to do. */
  readonly detail: string;
  readonly [extension: string]: unknown;
}

/**
 * The one error of the product: everything that is not an expected outcome. `detail` is shown to the caller, so
 * it never holds a secret; `extensions` become members of the problem document.
 */
export class PlayheadError extends Error {
  override readonly name = 'PlayheadError';
  readonly code: ProblemCode;
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(code: ProblemCode, detail: string, options: PlayheadErrorOptions = {}) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.extensions = options.extensions ?? {};
  }
}

export interface PlayheadErrorOptions {
  readonly cause?: unknown;
  readonly extensions?: Readonly<Record<string, unknown>>;
}

/** The problem document of an error. An extension never replaces one of its own members. */
export function toProblem(error: PlayheadError): Problem {
  const { status, title } = PROBLEMS[error.code];
  const members = {
    type: `urn:playhead:error:${error.code}`,
    code: error.code,
    title,
    status,
    detail: error.message,
  };
  return { ...members, ...error.extensions, ...members };
}
