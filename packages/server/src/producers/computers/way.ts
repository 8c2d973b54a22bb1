import type { Egress, EgressPass } from '../../outgoing/egress.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { BrowserProxy } from './browser.ts';

/** A browser's way into the network, and what the browser is told of it. */
export interface Way extends AsyncDisposable {
  readonly pass: EgressPass;
  readonly proxy: BrowserProxy;
}

/** How long a refusal is remembered, ms: a browser asks what became of a request when that has failed. */
const REMEMBERED_MS = 60_000;
/** Places whose refusal is remembered at once. */
const MOST = 1000;

/** `networks`: what whoever makes the computer may reach besides what all may. */
export async function openWay(egress: Egress, clock: Clock, networks: readonly string[] = []): Promise<Way> {
  /** Place and time, the oldest first. */
  const refused = new Map<string, number>();
  const pass = await egress.open({
    networks,
    refused({ host, port }) {
      const place = `${host}:${port}`;
      refused.delete(place);
      refused.set(place, clock.now());
      const [oldest] = refused.keys();
      if (refused.size > MOST && oldest !== undefined) refused.delete(oldest);
    },
  });
  return {
    pass,
    proxy: {
      server: pass.server,
      credentials: pass.credentials,
      refused(host, port) {
        const at = refused.get(`${host}:${port}`);
        return at !== undefined && clock.now() - at < REMEMBERED_MS;
      },
    },
    async [Symbol.asyncDispose]() {
      pass[Symbol.dispose]();
    },
  };
}
