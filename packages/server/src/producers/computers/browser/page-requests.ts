import type { TabId } from '../browser.ts';
import type { BrowserEvent } from '../browser-event.ts';
import type { CdpPayload } from './cdp.ts';
import type { CdpSession } from './cdp-connection.ts';
import { BOUNDS, clip } from './clip.ts';

export interface PageRequestsParts {
  readonly session: CdpSession;
  readonly tab: TabId;
  readonly admit: (type: 'request-failed') => boolean;
  /** Whether one more message about requests may be read. Of a page that causes too many, some are not. */
  readonly read: () => boolean;
  readonly tell: (event: BrowserEvent) => void;
  /** What answered a request for a document: its loader's id, and the head of the answer. */
  readonly document: (loader: string, answer: DocumentAnswer) => void;
}

export interface DocumentAnswer {
  /** Null: nobody answered. */
  readonly status: number | null;
  /** Why not, e.g. `net::ERR_NAME_NOT_RESOLVED`. */
  readonly error: string | null;
  /** Of RFC 9209, as a proxy of ours says why it did not do it; null: it says nothing. */
  readonly proxyStatus: string | null;
}

interface Request {
  readonly url: string;
  readonly method: string;
  readonly resource: string;
  readonly failed?: true;
}

/** The last so many requests are known. If an earlier one fails, what was asked for is not told. */
const KNOWN_MAX = 512;

/** Tells requests that fail, of a page or a frame of it, and what answered its documents. */
export function tellRequests(parts: PageRequestsParts): void {
  const { session, tab, tell, read } = parts;
  const known = new Map<string, Request>();

  function began(id: string, request: Request): void {
    known.set(id, request);
    if (known.size <= KNOWN_MAX) return;
    for (const oldest of known.keys()) {
      known.delete(oldest);
      return;
    }
  }

  function failed(
    id: string,
    failure: Pick<Failure, 'cause' | 'status' | 'reason'>,
    resource?: string,
  ): void {
    const request = known.get(id);
    if (request?.failed === true) return;
    // It is told once, however it goes on.
    if (request !== undefined) known.set(id, { ...request, failed: true });
    if (!parts.admit('request-failed')) return;
    tell({
      type: 'request-failed',
      tab,
      url: clip(request?.url ?? '', BOUNDS.url),
      method: request?.method ?? '',
      resource: request?.resource ?? resource?.toLowerCase() ?? 'other',
      ...failure,
    });
  }

  session.on(
    'Network.requestWillBeSent',
    ({ requestId, request: { url, method }, type }) =>
      began(requestId, { url, method, resource: type?.toLowerCase() ?? 'other' }),
    read,
  );
  session.on(
    'Network.responseReceived',
    ({ requestId, loaderId, type, response }) => {
      const { status, headers } = response;
      if (type === 'Document' && requestId === loaderId)
        parts.document(loaderId, { status, error: null, proxyStatus: header(headers, 'proxy-status') });
      if (status >= 400) failed(requestId, { cause: 'status', status, reason: response.statusText });
    },
    read,
  );
  session.on(
    'Network.loadingFailed',
    ({ requestId, errorText, canceled, blockedReason, corsErrorStatus, type }) => {
      // What a page gives up by itself has not failed.
      if (canceled === true) return;
      // A document's request has the id of its loader.
      if (type === 'Document')
        parts.document(requestId, { status: null, error: errorText, proxyStatus: null });
      failed(requestId, network(errorText, blockedReason ?? corsErrorStatus?.corsError), type);
    },
    read,
  );
  session.on(
    'Network.webSocketCreated',
    ({ requestId, url }) => began(requestId, { url, method: 'GET', resource: 'websocket' }),
    read,
  );
  session.on(
    'Network.webSocketFrameError',
    ({ requestId, errorMessage }) => failed(requestId, network(errorMessage, undefined)),
    read,
  );
}

type Failure = Extract<BrowserEvent, { type: 'request-failed' }>;

function network(
  errorText: string,
  blocked: string | undefined,
): Pick<Failure, 'cause' | 'status' | 'reason'> {
  const cause = blocked === undefined && !errorText.includes('_BLOCKED_BY_') ? 'network' : 'blocked';
  return {
    cause,
    status: null,
    reason: clip(blocked === undefined ? errorText : `${errorText} (${blocked})`, 256),
  };
}

function header(
  headers: CdpPayload<'Network.responseReceived'>['response']['headers'],
  wanted: string,
): string | null {
  for (const [name, value] of Object.entries(headers))
    if (name.toLowerCase() === wanted) return String(value);
  return null;
}
