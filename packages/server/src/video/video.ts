import type { Detected, DetectorSettings } from './detector.ts';

/**
 * Reads video from wherever cameras are, and writes it, in processes of their own: what a broken stream does to a decoder
 * ends one process and nothing else. What a source may reach was decided before it is opened here.
 *
 * Disposing ends all processes.
 */
export interface Video extends AsyncDisposable {
  /**
   * Opens a source. Never throws: what goes wrong is how it ends. Whoever asked opens it again if it is to go on; an
   * opened source that fell silent is told of, not ended.
   */
  open(request: VideoRequest, target: VideoTarget): OpenVideo;
  /**
   * Makes a video file of pictures as they come, in pieces. Throws `invalid-request` for no picture at all,
   * `not-served` where there is nothing that encodes. Leaving the iteration ends the work.
   */
  write(request: WriteRequest): AsyncIterable<Uint8Array>;
  /** Why there is no video on this machine, in a sentence that says what to do; undefined if there is. */
  readonly missing: string | undefined;
}

export interface VideoRequest {
  /** Of whom: for log lines and the name of the process, no more. */
  readonly id: string;
  readonly source: VideoSourceSpec;
  /** At most so many pictures a second; null: as many as the source has. */
  readonly fps: number | null;
  /** Of the pictures, pixels; the height follows from the source. Null: as the source is. Never enlarged. */
  readonly width: number | null;
  /** Of the JPEG, 1 to 100. Sources that are JPEG already pass through untouched if no width is asked for. */
  readonly quality: number;
  /** What looks for objects in the decoded pictures; null: nothing does. */
  readonly detector: DetectorSettings | null;
  /** How long opening may take, ms. */
  readonly openMs: number;
}

export type VideoSourceSpec =
  | {
      readonly kind: 'rtsp';
      /** With its credentials. Goes to the process on a pipe: never an argument, an environment or a log line. */
      readonly url: string;
      readonly transport: 'tcp' | 'udp';
      /** Where its host was resolved to; connected to this and nothing else. */
      readonly address: string;
    }
  | {
      /** MJPEG, HLS, or a file over HTTP. */
      readonly kind: 'http';
      readonly url: string;
      /** The HTTP proxy that every one of its requests goes through, with its credentials. */
      readonly proxy: string;
    }
  /** Played at its own pace. */
  | { readonly kind: 'file'; readonly path: string; readonly loop: boolean }
  /** A V4L2 device, `/dev/video0`. */
  | { readonly kind: 'device'; readonly path: string }
  /** One of FFmpeg's: `testsrc2`, `smptebars`, `mandelbrot` … at its own size and rate. */
  | {
      readonly kind: 'pattern';
      readonly name: string;
      readonly width: number;
      readonly height: number;
      readonly fps: number;
    };

/** Told in the order in which things happened, and of nothing once the source is disposed or has ended. */
export interface VideoTarget {
  /** It is open, or its pictures have another size from now on. */
  opened(about: VideoAbout): void;
  /** The newest picture. */
  picture(picture: VideoPicture): void;
  /** What was found in a picture, also nothing; after it, in the order of pictures, and not for every one. */
  detected(detected: Detected): void;
  /** The source brought bytes that could not be decoded: how many pictures that were, since it was last told. */
  corrupt(pictures: number): void;
  /** A detector that cannot work, or stopped: `message` is a sentence for people. Pictures go on. */
  detectorFailed(message: string): void;
}

export interface VideoAbout {
  /** As the source has them: pixels, and pictures a second if it says. */
  readonly width: number;
  readonly height: number;
  readonly fps: number | null;
  /** `h264`, `mjpeg`, … */
  readonly codec: string;
}

export interface VideoPicture {
  /** From 1 within this opening, dense over what was delivered. */
  readonly number: number;
  readonly jpeg: Uint8Array;
  readonly width: number;
  readonly height: number;
  /** When it was decoded, ms since 1970. */
  readonly time: number;
  /** A detector looks at it: `detected` follows, also of nothing, unless the detector fails. */
  readonly looked?: boolean;
}

/** Disposing ends its process. */
export interface OpenVideo extends Disposable {
  /** The first `count` pictures were taken, or are not wanted: no picture is encoded that nobody waits for (Film). */
  taken(count: number): void;
  readonly ended: Promise<VideoEnd>;
  /** Of its process, once it runs. */
  readonly pid: number | undefined;
}

/**
 * `over`: a file that is played once came to its end. `ended`: the source closed. `died`: its process did, with what.
 * `message` is a sentence for people, without credentials.
 */
export type VideoEnd =
  | { readonly kind: 'over' | 'ended' }
  | { readonly kind: 'failed'; readonly reason: VideoFailure; readonly message: string }
  | { readonly kind: 'died'; readonly message: string };

export type VideoFailure =
  | 'unreachable'
  | 'unauthorized'
  | 'not-found'
  | 'timeout'
  | 'forbidden'
  | 'no-video'
  | 'corrupt'
  | 'missing';

export interface WriteRequest {
  readonly format: 'webm' | 'mp4';
  /** JPEGs of any size, in order of time; they are fitted into the size of the first. */
  readonly pictures: AsyncIterable<{ readonly jpeg: Uint8Array; readonly time: number }>;
  /** How long the last one is shown, ms. */
  readonly lastMs: number;
}
