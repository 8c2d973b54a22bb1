import type { Epoch } from './position.ts';

/** An event as our own faces show it: in pages, in the data of SSE frames, in WebSocket messages. */
export interface StreamEvent {
  /** The token to resume behind this event. */
  readonly position: string;
  readonly type: string;
  /** When it was appended, ISO 8601 with milliseconds. */
  readonly time: string;
  /** The JSON value that was appended; null with `redacted: true` if it was erased. */
  readonly data: unknown;
  readonly redacted?: true;
  /** Set where `data` is bytes, in base64. */
  readonly encoding?: 'base64';
}

/** The first thing a subscriber is told (F4), and told again whenever events were lost to it. */
export interface Receipt {
  /** The position that the subscriber named, or null if it named none. */
  readonly requested: string | null;
  /** Delivery begins with the event behind this position. */
  readonly from: string;
  /** The newest position at that moment. */
  readonly latest: string;
  /** How many events between `requested` and `from` cannot be delivered; null if nobody knows. */
  readonly missed: number | null;
  /** True if `missed` is not 0. */
  readonly gap: boolean;
  readonly epoch: Epoch;
}

/** What a terminal shows, at one position of its stream: all that follows goes on from there. */
export interface ScreenSnapshot {
  /** Pass it as `after` to get what follows. */
  readonly position: string;
  /** The size, in characters. */
  readonly columns: number;
  readonly rows: number;
  /** From 0, from the top left; `column` is `columns` where the next character goes to the next line. */
  readonly cursor: { readonly column: number; readonly row: number; readonly visible: boolean };
  readonly title: string;
  /** A program that fills the screen has put the lines away. */
  readonly alternate: boolean;
  /** Draws the screen, and what has scrolled off it, into a terminal of the size, whatever that showed before. */
  readonly screen: string;
  /** Bytes to write behind `screen`, in base64: a sequence, or a character, that has only begun. */
  readonly pending: string;
}

/** One page of a stream's history: `GET /v1/streams/{name}?after=&limit=`. */
export interface StreamPage {
  readonly stream: string;
  readonly epoch: Epoch;
  /** Position of the oldest event retained; behind `latest` while the stream is empty. */
  readonly earliest: string;
  readonly latest: string;
  readonly events: readonly StreamEvent[];
  /** Pass it as `after` to get what follows this page. */
  readonly next: string;
  /** True if the stream is closed and `next` is its end: nothing will ever follow. */
  readonly closed: boolean;
}

/** One row of `GET /v1/streams`. */
export interface StreamSummary {
  readonly name: string;
  readonly kind: string;
  readonly earliest: string;
  readonly latest: string;
  readonly closed: boolean;
  readonly content_type: string;
  readonly durability: 'durable' | 'volatile';
  /** Bytes retained, as stored. */
  readonly bytes: number;
  readonly created_at: string;
}
