import type { Position } from '@playhead/protocol';
import type { StreamKey } from '../log/stream-key.ts';

/**
 * Live pictures, from whatever makes them to whoever watches: tabs of browsers, cameras.
 *
 * A source is a feed: it is started for the first viewer and stopped a while after the last, and there is one film of it
 * however many watch. A stream shows a feed, and may change to another. Frames travel as events of that stream, which is
 * volatile: it holds the newest frame alone, while somebody watches, so who joins late sees it at once and nothing piles
 * up behind who is slow (D-1). Viewers are subscriptions of the hub with delivery `latest`; each gets what it takes, and
 * the source hears how far the fastest of them is.
 *
 * Disposing ends all streams and films.
 */
export interface Frames extends AsyncDisposable {
  /** What can be filmed. Nothing begins. */
  feed(source: FrameSource): FrameFeed;
  /**
   * Makes a stream of frames. Throws `conflict` if there is one of that name. `viewers` hears how many watch whenever
   * that, or what they want, has changed. `placed` hears of each frame where it stands in the stream, in their order and
   * before any viewer gets it.
   */
  open(
    key: StreamKey,
    viewers?: (count: number) => void,
    placed?: (message: Uint8Array, position: Position) => void,
  ): Promise<FrameStream>;
}

export interface FrameFeed extends Disposable {
  /** Whether it is being filmed. */
  readonly filming: boolean;
}

export interface FrameStream extends AsyncDisposable {
  readonly key: StreamKey;
  /**
   * What its viewers see from now on; null: nothing new. A feed that is filmed already shows its newest frame at once,
   * another its first.
   */
  show(feed: FrameFeed | null): void;
}

/** Something that can be filmed, implemented by who has it. */
export interface FrameSource {
  /**
   * Begins to film, for as long as the film is not disposed. Undefined, or a rejection: it cannot be filmed just now; it
   * is asked again while somebody watches.
   */
  start(target: FrameTarget): Promise<Film | undefined>;
}

export interface FrameTarget {
  /** Takes a picture, the newest last. Nothing is taken once the film is disposed. */
  arrived(picture: Picture): void;
}

/** Disposing ends it. */
export interface Film extends Disposable {
  /**
   * The first `count` pictures of this film were taken or are not wanted: now is the time for newer ones. A source that
   * waits for this makes no picture that nobody sees; one that cannot wait may ignore it.
   */
  taken(count: number): void;
  /** Resolves when it ends by itself: `over` for good, `again` if it is worth another try. */
  readonly ended: Promise<'over' | 'again'>;
}

/** A JPEG as its source gives it. Never changed afterwards. */
export interface Picture {
  readonly jpeg: Uint8Array;
  /** Of the JPEG, pixels. */
  readonly width: number;
  readonly height: number;
  /** When it was made, or has arrived here, ms since 1970. */
  readonly time: number;
  /** JSON: what else is known, by names that sources of this kind have. */
  readonly about?: Readonly<Record<string, unknown>>;
}

/** A JPEG as viewers get it, and what is known of it. */
export interface Frame {
  readonly head: FrameHead;
  readonly jpeg: Uint8Array;
}

/** JSON: members of the picture, those of `about`, and the number. */
export interface FrameHead {
  /** From 1 within a feed, dense: whoever is not given one can count what it missed. */
  readonly number: number;
  readonly time: number;
  readonly width: number;
  readonly height: number;
  readonly [member: string]: unknown;
}
