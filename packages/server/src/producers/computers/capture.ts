import type { TabId } from './browser.ts';

/**
 * The film of one tab. A tab has one at a time, so whoever starts it shares it among all that watch.
 *
 * Chromium draws a frame only when the page has changed, so a still page is quiet; the first frame comes by itself
 * within one drawing, also of a still page, and `newest` keeps it for whoever joins later. Chromium sends no more
 * frames while three are not acknowledged: so `ack` each as soon as the fastest viewer has taken it, and whoever
 * wants no more for now simply does not.
 *
 * Disposing stops the filming. It ends by itself with its tab and its browser.
 */
export interface Capture extends Disposable {
  readonly tab: TabId;
  /** Undefined until the first has come. */
  readonly newest: Frame | undefined;
  /** Frame and all before it are taken. Nothing happens if that was said before, or the capture has ended. */
  ack(frame: Frame): void;
  /** Another size or quality from the next frame on, which comes by itself. */
  reconfigure(options: CaptureSize): void;
  /** Resolves when no more frames come. */
  readonly ended: Promise<CaptureEnding>;
}

export interface CaptureSize {
  /** Frames are scaled down to fit, never up. Pixels. */
  readonly maxWidth: number;
  readonly maxHeight: number;
  /** JPEG, 1 to 100. */
  readonly quality: number;
}

export interface CaptureOptions extends CaptureSize {
  /** Called for every frame as it arrives, newest last. Must not throw. */
  arrived(frame: Frame): void;
}

export interface Frame {
  /** From 1, dense within a capture. */
  readonly number: number;
  /** Never changed after it was given out. */
  readonly jpeg: Uint8Array;
  /** Of the JPEG, pixels. */
  readonly width: number;
  readonly height: number;
  /** Pixels of the JPEG for each CSS pixel of the viewport. */
  readonly scale: number;
  /** The viewport that it shows, CSS pixels. */
  readonly viewport: { readonly width: number; readonly height: number };
  /** When it arrived, ms since 1970: the browser's own time stamps are no usable clock. */
  readonly arrived: number;
}

/** `stopped`: disposed. `page-crashed`: a new capture of the tab works again once it was navigated. */
export type CaptureEnding = 'stopped' | 'tab-closed' | 'page-crashed' | 'browser-gone';
