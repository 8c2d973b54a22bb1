import { REDACTED } from './redact-personal.ts';

/** Names of parameters whose values open something, or say who somebody is. */
const SECRET =
  /^(?:.*[_-])?(?:token|key|apikey|secret|password|passwd|pwd|pass|auth|authorization|session|sessionid|sid|sig|signature|code|otp|jwt|credential|email|mail|phone|ssn|state|nonce|ticket)$/i;

/** A URL without user name, password, and the values of parameters that are secrets by their names. */
export function withoutSecrets(text: string): string {
  const url = readable(text);
  if (url === undefined) return text;
  clearUser(url);
  for (const name of [...url.searchParams.keys()])
    if (SECRET.test(name)) url.searchParams.set(name, REDACTED);
  // Answers to sign-ins come behind the `#`.
  if (url.hash.includes('=')) url.hash = '';
  return url.href;
}

/** Where a page is, without what was asked of it: no user, no query, no fragment. What is no URL is left out. */
export function placeOnly(text: string): string {
  const url = readable(text);
  if (url === undefined) return '';
  clearUser(url);
  url.search = '';
  url.hash = '';
  return url.href;
}

// A page within the URL itself (`data:`, `javascript:`, `blob:`) has content where others have a place.
function readable(text: string): URL | undefined {
  const url = URL.parse(text);
  return url === null ||
    !/^(?:https?|file|ftp|chrome|about|chrome-extension|moz-extension):$/.test(url.protocol)
    ? undefined
    : url;
}

function clearUser(url: URL): void {
  url.username = '';
  url.password = '';
}
