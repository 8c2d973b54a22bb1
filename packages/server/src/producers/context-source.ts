import type { LogEvent } from '../log/event-log.ts';
import type { StreamKey } from '../log/stream-key.ts';

/**
 * A kind of session that shows pages to somebody: what it opens is what its owner looks at, on one more device. Its
 * streams are followed in the log, so it need not know who follows them, and what happened while nobody could follow is
 * there to be read.
 */
export interface ContextSource {
  /** What the names of its streams begin with: `computers/`. Parts of a session (`computers/{id}/…`) are not followed. */
  readonly prefix: string;
  /** Whose a stream is, and as which device; undefined: nobody's in particular. Known before the stream is there. */
  ownerOf(stream: StreamKey): Promise<SourceOwner | undefined>;
  /** What an event says of pages; nothing for most. */
  changes(event: LogEvent): readonly SourceChange[];
}

export interface SourceOwner {
  readonly user: string;
  readonly device: {
    readonly id: string;
    readonly name?: string;
    readonly os?: string;
    readonly formFactor?: string;
  };
}

export type SourceChange =
  | { readonly kind: 'activated' | 'closed'; readonly tabId: string }
  | {
      readonly kind: 'navigated';
      readonly tabId: string;
      readonly url: string;
      readonly title: string;
      readonly statusCode?: number;
    }
  /** A page has loaded: what the tab shows now. */
  | { readonly kind: 'page'; readonly tabId: string; readonly url: string; readonly title: string }
  /** The session is over, and all of its tabs. */
  | { readonly kind: 'ended' };
