import type { RefusalReason } from '../browser-action.ts';
import type { BrowserProxy } from '../browser.ts';
import type { DocumentAnswer } from './page-requests.ts';

export interface NavigationFailure {
  readonly reason: RefusalReason;
  readonly detail: string;
}

export interface NavigationTry {
  readonly url: string;
  readonly download: boolean;
  readonly proxy: BrowserProxy | null;
}

/** What an error of Chromium's (`net::ERR_…`) means to whoever wanted to go there. */
export function navigationFailure(error: string, { url, download, proxy }: NavigationTry): NavigationFailure {
  if (download)
    return { reason: 'navigation-failed', detail: 'It is a download: see the events, not the page.' };
  switch (error) {
    case 'net::ERR_ABORTED':
      return {
        reason: 'navigation-replaced',
        detail: 'The page stayed: there is no content there, or another navigation came in between.',
      };
    case 'net::ERR_INVALID_URL':
      return { reason: 'invalid-url', detail: 'It is not a URL that can be opened.' };
    case 'net::ERR_UNSAFE_PORT':
    case 'net::ERR_BLOCKED_BY_ADMINISTRATOR':
    case 'net::ERR_BLOCKED_BY_CLIENT':
      return { reason: 'url-forbidden', detail: `That address may not be opened (${error}).` };
    case 'net::ERR_TUNNEL_CONNECTION_FAILED': {
      const { hostname, port, protocol } = new URL(url);
      const number = port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port);
      if (proxy?.refused?.(hostname, number) === true)
        return { reason: 'url-forbidden', detail: 'That address may not be opened from here.' };
      return {
        reason: 'navigation-failed',
        detail: 'Nobody answers there (net::ERR_TUNNEL_CONNECTION_FAILED).',
      };
    }
    case 'net::ERR_NAME_NOT_RESOLVED':
      return { reason: 'navigation-failed', detail: `There is no such host (${error}).` };
    default:
      return { reason: 'navigation-failed', detail: `The page could not be had (${error}).` };
  }
}

/**
 * What a proxy of ours answers in place of a site (RFC 9209). Only over `http:` can the answer be its own. A site that
 * says the same of itself is believed: it harms nobody but itself.
 */
export function proxyFailure(url: string, answer: DocumentAnswer | undefined): NavigationFailure | undefined {
  const error = /^playhead; error=(\w+)$/.exec(answer?.proxyStatus ?? '')?.[1];
  if (error === undefined || !url.startsWith('http:')) return undefined;
  switch (error) {
    case 'destination_ip_prohibited':
    case 'http_request_denied':
      return { reason: 'url-forbidden', detail: 'That address may not be opened from here.' };
    case 'dns_error':
      return { reason: 'navigation-failed', detail: 'There is no such host.' };
    default:
      return { reason: 'navigation-failed', detail: `Nobody answers there (${error}).` };
  }
}
