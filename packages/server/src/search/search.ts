import type { Batch } from '../log/event-log.ts';
import type { StreamKey } from '../log/stream-key.ts';

/**
 * Full-text search over what streams hold. The index is made from the log, behind it and off its commit path: it may be
 * some moments late, and can be thrown away and built anew. It is no second place of truth: what it finds is shown only
 * if the log still holds it (present-hits.ts).
 */
export interface Search extends AsyncDisposable {
  /** The best first. Never more than `limit`. */
  find(query: SearchQuery): Promise<readonly Hit[]>;
}

/** An index, as what feeds it sees it. All that one call asks for is done together or not at all. */
export interface SearchIndex extends Search {
  /** Adds what a stream's events say, and keeps up to where it was read. */
  add(stream: StreamKey, read: ReadUpTo, documents: readonly SearchDocument[]): Promise<void>;
  /** Forgets what one stream says, and that it was read. */
  forget(stream: StreamKey): Promise<void>;
  /** Forgets what one event says, because its data were erased (D-5). */
  erase(stream: StreamKey, position: string): Promise<void>;
  /** Up to where each stream was read. */
  streams(): Promise<ReadonlyMap<StreamKey, ReadUpTo>>;
}

/** A place in a stream, and how much of it was indexed before (bytes of text), for the bound. */
export interface ReadUpTo {
  /** As on the wire. */
  readonly position: string;
  readonly bytes: number;
}

export interface SearchDocument {
  /** Whose it is within the tenant; absent: of the whole tenant. */
  readonly user?: string;
  /** What kind of thing it is, e.g. `command`, `output`, `page`, `message`, `context`. */
  readonly kind: string;
  /** Position of the event that says it, or of the first of several. */
  readonly position: string;
  /** Of several: position of the last. */
  readonly last?: string;
  /** ms since 1970. */
  readonly time: number;
  /** Weighs more than the text. */
  readonly title: string;
  readonly text: string;
  /** To filter by, compared as they are. */
  readonly facets: Readonly<Record<string, string>>;
}

export interface SearchQuery {
  readonly tenant: string;
  /** Only what this user may see: their own, and what belongs to the whole tenant. Absent: all of the tenant. */
  readonly user?: string;
  /** Only this user's own. */
  readonly onlyOwn?: boolean;
  readonly kinds?: readonly string[];
  /** Words; undefined finds everything, the newest first. What is no word is ignored, so any text is a query. */
  readonly text?: string;
  /** `all` (default): every word is there; `any`: those with most of them first. */
  readonly words?: 'all' | 'any';
  /** Only of this stream. */
  readonly stream?: StreamKey;
  readonly facets?: Readonly<Record<string, string>>;
  /** Facets that begin so. */
  readonly beginnings?: Readonly<Record<string, string>>;
  /** ms since 1970, inclusive. */
  readonly since?: number;
  readonly until?: number;
  /** By time instead of by rank. */
  readonly order?: 'rank' | 'newest';
  /** With `stream`, the newest first: only what stands behind this one. */
  readonly before?: Pick<SearchDocument, 'time' | 'position'>;
  /** By rank: how many of the best are left out. */
  readonly skip?: number;
  readonly limit: number;
}

export interface Hit extends SearchDocument {
  readonly stream: StreamKey;
  /** Around what was found, at most some 30 words; the words in it stand between U+0002 and U+0003. */
  readonly snippet: string;
}

/** What the streams of one kind say, by their names: given by their producer. */
export interface SearchRule {
  /** First segment of the names, and what must follow: `commands/`. */
  readonly prefix: string;
  /** Whether a stream of such a name says anything; absent: all do. Those that do not are never read. */
  covers?(name: string): boolean;
  /** How much text of one such stream is indexed, bytes. Absent: as the server is set. */
  readonly streamBytes?: number;
  /**
   * The documents in a stretch of a stream's events, and their text's size bounds the work: nothing is kept of it between
   * two calls. Called in the order of the stream.
   */
  documents(stream: StreamKey, batches: readonly Batch[]): readonly SearchDocument[];
}
