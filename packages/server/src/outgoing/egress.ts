import type { RefusalReason } from './outgoing.ts';

/**
 * The way of browsers into the network: a proxy on loopback that obeys the guard (D-22). Every connection is checked when
 * it is made, so redirects, parts of pages, WebSockets and workers are bound by the rule as the page is, and a name is
 * connected to at an address that was checked. Disposing cuts everything.
 */
export interface Egress extends AsyncDisposable {
  /** A way for one browser. Nobody else can use it. */
  open(options: EgressOptions): Promise<EgressPass>;
}

export interface EgressOptions {
  /** Opens further places for this browser alone: entries as in PLAYHEAD_ALLOWED_NETWORKS, which were checked. */
  readonly networks?: readonly string[];
  /** Told of each refusal, and of nothing else that fails. At most 10 a second; `omitted` counts what was left out. */
  refused?(refusal: EgressRefusal): void;
}

export interface EgressRefusal {
  readonly host: string;
  readonly port: number;
  /** `upstream`: the other proxy may not be reached. `limit`: too many connections at once. */
  readonly reason: RefusalReason | 'upstream' | 'limit';
  readonly omitted: number;
}

/** `server` and `credentials` are what the browser is started with. Disposing cuts its connections and closes the way. */
export interface EgressPass extends Disposable {
  /** `http://127.0.0.1:port`. */
  readonly server: string;
  readonly credentials: { readonly username: string; readonly password: string };
  /**
   * Sends what is connected from now on through another proxy, whose own address obeys the rule: `http:`, `https:` or
   * `socks5:`, with or without credentials; null: directly. Connections that are open are cut, so that nothing goes on
   * by the old way. Anything but `changed` leaves all as it was.
   */
  change(upstream: string | null): Promise<'changed' | 'invalid' | 'refused' | 'unresolved'>;
  /** Where it leads: `direct`, or scheme, host and port of the other proxy. */
  readonly via: string;
  readonly traffic: EgressTraffic;
}

/** Since it was opened. */
export interface EgressTraffic {
  /** Bytes on the connections into the network. */
  readonly sent: number;
  readonly received: number;
  readonly connections: number;
  readonly refused: number;
}
