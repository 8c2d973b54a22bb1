import { PROBLEMS, type PlayheadError, type ProblemCode, toProblem } from '@playhead/protocol';

/** An error as it goes over the wire. */
export interface ShapedError {
  readonly contentType: string;
  readonly body: string;
}

type Shape = (error: PlayheadError, id: string, now: number) => ShapedError;

/**
 * Which shape errors have under which path (D-25): the documents' own on their faces, RFC 9457 everywhere else.
 * A prefix stands for whole segments; the first that fits counts.
 */
const SHAPES: readonly (readonly [prefix: string, shape: Shape])[] = [
  ['/projects', enveloped],
  ['/keys', enveloped],
  ['/computers', flat],
  ['/v1/computers', flat],
  ['/agent', flat],
  ['/v1/agent', flat],
  ['/ephemeral-tzafonwright', flat],
  ['/chats', nested],
  ['/api/v1', nested],
  ['/ws/stream', nested],
  ['/v1/stream/__ds', control],
  ['/v1/chat', likeOpenAi],
];

/** What may follow a prefix. A target that was refused as malformed still has its query. */
const BOUNDARY = /^(?:$|[/?])/;

/** The body of an error on a path. `now` is ms since 1970. */
export function shapeError(path: string, error: PlayheadError, id: string, now: number): ShapedError {
  for (const [prefix, shape] of SHAPES) {
    if (path.startsWith(prefix) && BOUNDARY.test(path.slice(prefix.length, prefix.length + 1))) {
      return shape(error, id, now);
    }
  }
  return {
    contentType: 'application/problem+json',
    body: JSON.stringify({ ...toProblem(error), request_id: id }),
  };
}

/** Projects and keys: `{error: {code, message, details}, meta: {request_id, timestamp}}`. */
function enveloped(error: PlayheadError, id: string, now: number): ShapedError {
  return json({
    error: {
      code: UPPER_CODES[error.code],
      message: error.message,
      details: { reason: error.code, ...error.extensions },
    },
    meta: { request_id: id, timestamp: new Date(now).toISOString() },
  });
}

/** Computers: `{status: "error", error_message, timestamp, request_id}`. Some of its clients show `message`. */
function flat(error: PlayheadError, id: string, now: number): ShapedError {
  return json({
    status: 'error',
    error_message: error.message,
    message: error.message,
    timestamp: new Date(now).toISOString(),
    request_id: id,
    code: error.code,
    ...error.extensions,
  });
}

/** Chats, cameras and contexts: `{error: {code, message}}`. */
function nested(error: PlayheadError): ShapedError {
  return json({ error: { code: UPPER_CODES[error.code], message: error.message, ...error.extensions } });
}

/** What clients of OpenAI's interface read: `{error: {message, type, param, code}}`. */
function likeOpenAi(error: PlayheadError): ShapedError {
  const { status } = PROBLEMS[error.code];
  const type = status === 429 ? 'rate_limit_error' : status >= 500 ? 'server_error' : 'invalid_request_error';
  return json({
    error: { message: error.message, type, param: null, code: error.code, ...error.extensions },
  });
}

/** Subscriptions: `{error: {code, message}}`, where an error may bring the protocol's own word for it as `reason`. */
function control(error: PlayheadError): ShapedError {
  const { reason, ...more } = error.extensions;
  const plain = error.code === 'invalid-request' ? 'INVALID_REQUEST' : UPPER_CODES[error.code];
  const code = typeof reason === 'string' ? reason : plain;
  return json({ error: { code, message: error.message, ...more } });
}

function json(value: unknown): ShapedError {
  return { contentType: 'application/json; charset=utf-8', body: JSON.stringify(value) };
}

/** The words of the documents' own systems; several of ours share one, `details.reason` tells them apart. */
const UPPER_CODES: Readonly<Record<ProblemCode, string>> = {
  'invalid-request': 'BAD_REQUEST',
  'invalid-json': 'BAD_REQUEST',
  'invalid-position': 'BAD_REQUEST',
  unauthenticated: 'UNAUTHORIZED',
  forbidden: 'FORBIDDEN',
  'not-found': 'NOT_FOUND',
  'stream-not-found': 'NOT_FOUND',
  'method-not-allowed': 'METHOD_NOT_ALLOWED',
  'not-acceptable': 'NOT_ACCEPTABLE',
  'timed-out': 'REQUEST_TIMEOUT',
  conflict: 'CONFLICT',
  fenced: 'CONFLICT',
  'stream-closed': 'CONFLICT',
  'not-in-control': 'CONFLICT',
  'position-lost': 'GONE',
  'stream-gone': 'GONE',
  'precondition-failed': 'PRECONDITION_FAILED',
  'too-large': 'PAYLOAD_TOO_LARGE',
  'unsupported-media-type': 'UNSUPPORTED_MEDIA_TYPE',
  'misdirected-host': 'MISDIRECTED_REQUEST',
  'upgrade-required': 'UPGRADE_REQUIRED',
  'rate-limited': 'RATE_LIMITED',
  'too-many-failures': 'TOO_MANY_FAILURES',
  internal: 'INTERNAL_ERROR',
  'upstream-failed': 'BAD_GATEWAY',
  'upstream-timeout': 'GATEWAY_TIMEOUT',
  'not-served': 'NOT_IMPLEMENTED',
  draining: 'SERVICE_UNAVAILABLE',
  overloaded: 'SERVICE_UNAVAILABLE',
  'storage-full': 'INSUFFICIENT_STORAGE',
};

/**
 * Headers that go with an error wherever it is written. SDKs retry 408, 409, 429 and 5xx by themselves unless
 * told not to; below 409 they never do.
 */
export function errorHeaders(error: PlayheadError): string[] {
  const { status, retry } = PROBLEMS[error.code];
  const headers: string[] = [];
  if (!retry && status >= 409) headers.push('x-should-retry', 'false');
  if (status === 401) headers.push('WWW-Authenticate', 'Bearer realm="playhead"');
  if (status === 503) headers.push('Retry-After', '1');
  const { allow, retry_after: retryAfter } = error.extensions;
  if (Array.isArray(allow)) headers.push('Allow', allow.join(', '));
  if (typeof retryAfter === 'number' && status !== 503) headers.push('Retry-After', String(retryAfter));
  if (status === 426) headers.push('Upgrade', 'websocket');
  return headers;
}
