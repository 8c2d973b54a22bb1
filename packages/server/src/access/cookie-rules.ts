import type { Caller } from './gate.ts';

/**
 * Whether a browser sent a request from a page of this very server (D-20): its Origin is the one that it reached
 * us at, scheme, host and port, or, where a browser sends no Origin, `Sec-Fetch-Site` says so. Only then a cookie
 * counts: it is sent whoever made the page.
 */
export function isSameOrigin(caller: Pick<Caller, 'headers' | 'secure'>): boolean {
  const { origin, host } = caller.headers;
  if (origin !== undefined) {
    return (
      host !== undefined &&
      origin.toLowerCase() === `${caller.secure ? 'https' : 'http'}://${host.toLowerCase()}`
    );
  }
  return caller.headers['sec-fetch-site'] === 'same-origin';
}

/** Whether a request changes something, as far as its method tells. */
export function isUnsafe(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS';
}

/**
 * Whether the content type is one that no form can send: the second lock on unsafe requests that a cookie
 * authenticates, because a form of a foreign page needs no permission to be sent.
 */
export function isJson(contentType: string | undefined): boolean {
  return contentType !== undefined && /^application\/json\s*(?:;|$)/i.test(contentType);
}
