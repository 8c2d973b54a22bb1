import type { NetworkList } from '../runtime/network-list.ts';

/**
 * The rule for requests that leave the server because somebody asked for it: a page that a browser opens, a webhook, a
 * camera's URL (D-22). They reach public addresses. Loopback, private, link-local and shared (CGNAT) networks, and this
 * machine's own addresses, are open only with PLAYHEAD_ALLOW_PRIVATE_NETWORKS=1 or where a list names them; what is
 * nobody's host (multicast, unspecified, reserved, addresses that embed another one) and the metadata services of clouds
 * only where a list names them.
 */
export interface OutgoingGuard {
  /**
   * Resolves a host, once, and says which of its addresses may be reached. Whoever connects uses these and asks no
   * resolver again: what a name means to the next question is not what was checked.
   */
  reach(target: OutgoingTarget): Promise<Reach>;
}

export interface OutgoingTarget {
  /** As it stands in a URL: a name, an IPv4 address in any spelling, an IPv6 address with or without brackets. */
  readonly host: string;
  readonly port: number;
  /** What is spoken there, if it is not HTTP: its own port is no other protocol's. */
  readonly protocol?: 'rtsp';
  /** Opens further places, for this caller alone. */
  readonly also?: NetworkList;
}

export type Reach =
  | {
      readonly kind: 'open';
      /** In its one spelling: lower case, punycode, no dot at the end, no brackets. */
      readonly host: string;
      /** The addresses that may be reached, at least one, in the resolver's order. */
      readonly addresses: readonly string[];
      /** Whether all of these are public: hosts that anybody reaches, none of this machine or near it. */
      readonly outside: boolean;
    }
  | { readonly kind: 'refused'; readonly host: string; readonly reason: RefusalReason }
  /** There is no such name, or nobody answered in time. */
  | { readonly kind: 'unresolved'; readonly host: string };

/**
 * `address`: none of its addresses is open. `port`: one that belongs to another protocol, where a request could be taken
 * for something else (the list that browsers have). `host`: not a host at all.
 */
export type RefusalReason = 'address' | 'port' | 'host';

/** Calls out: for webhooks, and for what an operator names by a URL. Obeys the guard. */
export interface OutgoingRequests {
  /** Sends a POST and reads its answer. Follows no redirect: a 3xx is an answer like others. Never throws. */
  post(request: OutgoingPost): Promise<OutgoingAnswer>;
  /** The same with GET. */
  get(request: OutgoingGet): Promise<OutgoingAnswer>;
}

export interface OutgoingPost extends OutgoingGet {
  readonly body: string | Uint8Array;
}

export interface OutgoingGet {
  /** http or https, without a user name or password. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** From the question for the address to the last byte of the answer, ms. */
  readonly timeoutMs: number;
  /** Longest answer, bytes. */
  readonly answerBytes: number;
  readonly also?: NetworkList;
  readonly signal?: AbortSignal;
}

export type OutgoingAnswer =
  | {
      readonly kind: 'answered';
      readonly status: number;
      /** By lower-case name; a repeated one is joined by commas. */
      readonly headers: Readonly<Record<string, string>>;
      readonly body: Uint8Array;
    }
  | { readonly kind: 'refused'; readonly host: string; readonly reason: RefusalReason | 'url' }
  | {
      readonly kind: 'failed';
      readonly reason: 'unresolved' | 'connection' | 'timeout' | 'too-large' | 'aborted';
      /** For an operator to read; holds nothing of the request. */
      readonly detail: string;
    };
