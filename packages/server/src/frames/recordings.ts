import type { Position } from '@playhead/protocol';
import type { StreamKey } from '../log/stream-key.ts';
import type { Frame } from './frames.ts';

/**
 * Chosen frames of live pictures, kept: what is written is read again by time.
 *
 * A recorder is a viewer among others, so it slows nobody and keeps the film running. What it writes is a durable stream
 * of frames and of what is known between them (recording-event.ts): a time of which nothing is known is a gap, and told
 * as one, never filled. A recording that is switched on again goes on behind what it has.
 *
 * Disposing stops all recorders; what they wrote stays.
 */
export interface Recordings extends AsyncDisposable {
  /** A recording that can be switched on and off. Nothing begins. One of a name at a time. */
  open(request: RecordingRequest): Recording;
  /** What is retained; undefined if there is no such recording. */
  about(key: StreamKey): Promise<RecordingAbout | undefined>;
  /** The picture that was shown at a time, ms since 1970. */
  at(key: StreamKey, time: number): Promise<ShownAt>;
  /** What was shown from one time to another, ms since 1970; undefined if nothing was. */
  play(key: StreamKey, span: { readonly from: number; readonly to: number }): Promise<Playing | undefined>;
  /** Ends what a process that died has left open; does nothing where there is nothing to end. */
  settle(key: StreamKey): Promise<void>;
  /** Removes what was recorded; false if nothing was. One that is being written is to be switched off before. */
  delete(key: StreamKey): Promise<boolean>;
}

export interface RecordingRequest {
  /** Of the recording. */
  readonly key: StreamKey;
  /** The stream that is recorded. */
  readonly frames: StreamKey;
  /** Whether what was shown last still is, though no frame has come for a while. Without it that is a gap. */
  still?(): boolean;
  /** How long a source without still pictures may give none, ms. It is at least 2 s, and three frames that are recorded. */
  silentMs?(): number;
  /** Called before the recorder watches; disposed once it has left. Tells it from people who watch. */
  seat?(): Disposable;
}

export interface Recording extends AsyncDisposable {
  readonly key: StreamKey;
  /** Undefined while it is switched off. */
  readonly running: { readonly since: number; readonly fps: number } | undefined;
  /**
   * Resolves when it records. Switched on again it changes its rate. Throws `conflict` if its stream is closed,
   * `not-found` if there is nothing to record.
   */
  on(wish: RecordingWish): Promise<void>;
  /** Resolves when the last word is written. */
  off(): Promise<void>;
  /** What is recorded is over for good: closes the recording, if there ever was one. */
  finish(): Promise<void>;
}

export interface RecordingWish {
  /** At most so many frames a second. Undefined: the default. */
  readonly fps?: number | undefined;
}

export interface RecordingAbout {
  /** Retained; ms since 1970. Equal while it is empty. */
  readonly from: number;
  readonly to: number;
  readonly earliest: Position;
  readonly latest: Position;
  readonly bytes: number;
  /** Times of which nothing is known, the oldest first; `to` is null while that lasts. */
  readonly gaps: readonly Gap[];
  /** Older gaps that are left out of the list. */
  readonly gapsOmitted: number;
  /** Nothing will follow. */
  readonly closed: boolean;
}

export interface Gap {
  /** ms since 1970. */
  readonly from: number;
  readonly to: number | null;
  readonly reason: GapReason;
}

/**
 * `off`: switched off. `no-pictures`: the source gave none. `storage`: they could not be written. `too-large`: a picture
 * was beyond what may be written. `stopped`: the server ended. `lost`: it was killed, or lost its history.
 * `starting`: no picture had come yet. `over`: what was recorded is over.
 */
export type GapReason =
  | 'off'
  | 'no-pictures'
  | 'storage'
  | 'too-large'
  | 'stopped'
  | 'lost'
  | 'starting'
  | 'over';

export type ShownAt =
  | {
      readonly kind: 'shown';
      readonly frame: Frame;
      readonly position: Position;
      /** Something was recorded behind that time, so this answer is the same for ever. */
      readonly final: boolean;
    }
  | { readonly kind: 'nothing'; readonly reason: 'not-recorded' | 'before' | 'trimmed' | 'erased' }
  | { readonly kind: 'gap'; readonly gap: Gap };

export interface Playing {
  /** Of the first and last instant that is shown, ms since 1970. */
  readonly from: number;
  readonly to: number;
  /** How long the last picture is shown, ms. */
  readonly lastMs: number;
  /** In order. `time` goes on without the gaps, from 0, ms; `shown` is when that was, ms since 1970. */
  readonly pictures: AsyncIterable<RecordedPicture>;
}

export interface RecordedPicture {
  readonly jpeg: Uint8Array;
  readonly time: number;
  readonly shown: number;
}
