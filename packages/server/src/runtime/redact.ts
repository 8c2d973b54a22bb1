/** What stands in a log in place of a secret. */
const HIDDEN = '[redacted]';

/** Members whose value is a secret, whatever it looks like. */
const SECRET_NAMES = new Set([
  'apikey',
  'authorization',
  'cookie',
  'key',
  'password',
  'secret',
  'setcookie',
  'ticket',
  'token',
  'xapikey',
]);

/** Secrets by their looks, for texts that quote them: keys, bearer tokens, credentials in queries and cookies. */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [/\b(rdev|sk|wpk)_[A-Za-z0-9_-]{4,}/g, '$1_…'],
  // Tokens of wakes: their second part, behind a point, would be left.
  [/\b(dsw)_[A-Za-z0-9_.-]{4,}/g, '$1_…'],
  [/\b(bearer)\s+[^\s"',;]+/gi, `$1 ${HIDDEN}`],
  [/([?&](?:ticket|token|key|api_key|signature)=)[^&\s"'#]+/gi, `$1${HIDDEN}`],
  [/\b(playhead_session=)[^;\s"']+/gi, `$1${HIDDEN}`],
  // Ids that the server made open their stream to whoever knows them (D-18): what is left tells them apart.
  [/\b([a-z]{2,8}_[0-9a-z]{6})[0-9a-z]{26}\b/g, '$1…'],
];

const MAX_DEPTH = 6;
const MAX_TEXT = 8_192;

/** Takes secrets out of what is about to be logged. */
export type Redact = (value: unknown) => unknown;

/**
 * Makes a redaction that also knows secrets of any form, e.g. the admin key that a setting gives. It is the last
 * line of defence: whoever logs leaves secrets out in the first place.
 */
export function redaction(secrets: readonly string[]): Redact {
  const known = secrets.filter((secret) => secret.length >= 4);

  function text(value: string): string {
    let clean = value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
    for (const secret of known) clean = clean.replaceAll(secret, HIDDEN);
    for (const [pattern, replacement] of PATTERNS) clean = clean.replace(pattern, replacement);
    return clean;
  }

  function clean(value: unknown, depth: number): unknown {
    if (typeof value === 'string') return text(value);
    if (typeof value !== 'object' || value === null) return typeof value === 'bigint' ? String(value) : value;
    if (depth > MAX_DEPTH) return '[deep]';
    if (value instanceof Error) return clean(plainError(value), depth);
    if (value instanceof Uint8Array) return `[${value.byteLength} bytes]`;
    if (value instanceof Date) return value.toISOString();
    if (Array.isArray(value)) return value.slice(0, 100).map((item) => clean(item, depth + 1));
    return Object.fromEntries(
      Object.entries(value).map(([name, member]) => [
        name,
        isSecret(name) ? HIDDEN : clean(member, depth + 1),
      ]),
    );
  }

  return (value) => clean(value, 0);
}

function isSecret(name: string): boolean {
  return SECRET_NAMES.has(name.toLowerCase().replace(/[-_]/g, ''));
}

function plainError(error: Error): Record<string, unknown> {
  return {
    type: error.name,
    message: error.message,
    ...('code' in error ? { code: error.code } : {}),
    stack: error.stack,
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  };
}
