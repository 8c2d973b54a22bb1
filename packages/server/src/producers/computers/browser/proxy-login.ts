import type { BrowserProxy } from '../browser.ts';
import type { CdpSession } from './cdp-connection.ts';

/**
 * Tells the proxy who this browser is, without a page seeing it. Chromium remembers what a proxy has taken, for all of
 * the browser: pages, frames, workers. So requests are held up for this only until then, and again if Chromium forgets,
 * as it does when its network process dies.
 */
export interface ProxyLogin {
  /** A page's session, before its first request. */
  attach(session: CdpSession): void;
  detach(session: CdpSession): void;
  /** A request was answered: by then the proxy has taken it. */
  taken(): void;
  /** A request failed for want of it. */
  forgotten(): void;
}

export function createProxyLogin(credentials: NonNullable<BrowserProxy['credentials']>): ProxyLogin {
  const sessions = new Set<CdpSession>();
  /** Requests that were told already: who asks again does not take it. */
  const told = new Set<string>();
  let needed = true;

  function arm(session: CdpSession): void {
    session.on('Fetch.requestPaused', ({ requestId }) =>
      session.tell('Fetch.continueRequest', { requestId }),
    );
    session.on('Fetch.authRequired', ({ requestId, authChallenge: { source } }) => {
      const tell = source === 'Proxy' && !told.has(requestId);
      told.add(requestId);
      session.tell('Fetch.continueWithAuth', {
        requestId,
        // A site that asks for a password gets none: its page says so, and nobody waits at a prompt.
        authChallengeResponse: tell
          ? { response: 'ProvideCredentials', ...credentials }
          : { response: 'CancelAuth' },
      });
    });
    session.tell('Fetch.enable', { handleAuthRequests: true });
  }

  function disarm(session: CdpSession): void {
    session.tell('Fetch.disable');
    session.off('Fetch.requestPaused');
    session.off('Fetch.authRequired');
  }

  return {
    attach(session) {
      sessions.add(session);
      if (needed) arm(session);
    },
    detach: (session) => void sessions.delete(session),
    taken() {
      if (!needed || told.size === 0) return;
      needed = false;
      told.clear();
      for (const session of sessions) disarm(session);
    },
    forgotten() {
      if (needed) return;
      needed = true;
      for (const session of sessions) arm(session);
    },
  };
}
