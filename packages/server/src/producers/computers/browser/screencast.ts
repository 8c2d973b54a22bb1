import type { Capture, CaptureEnding, CaptureOptions, CaptureSize, Frame } from '../capture.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { CdpFailure } from './cdp.ts';
import type { CdpSession } from './cdp-connection.ts';
import { jpegSize } from './image-size.ts';

/** A capture, and how its tab ends it. */
export interface Screencast extends Capture {
  end(ending: CaptureEnding): void;
  /** Another document is there: it is drawn soon. */
  expect(): void;
  /** All of a document is there, and nothing else is being put in place: a film that begins now is of this page. */
  again(): void;
}

export interface ScreencastParts {
  readonly session: CdpSession;
  readonly tab: string;
  readonly clock: Clock;
  readonly options: CaptureOptions;
  /** Called once, when it has ended. */
  done(): void;
}

/** For a frame that must come, at first; twice as long each time. */
const PATIENCE_MS = 500;
const PATIENCE_MAX_MS = 8_000;

/**
 * Films a tab. What begins while Chromium puts another page in place is attached to the one that leaves, and never sends
 * a frame. A film that begins has a frame at once, also of a still page, so one that has none begins again.
 *
 * Resolves when Chromium has begun to; rejects with `CdpFailure`. */
export async function startScreencast(parts: ScreencastParts): Promise<Screencast> {
  const { session, tab, clock, options } = parts;
  /** Chromium's names of the frames that it was not told are taken, by our number. */
  const waiting = new Map<number, number>();
  const { promise: ended, resolve } = Promise.withResolvers<CaptureEnding>();
  let newest: Frame | undefined;
  let number = 0;
  let over = false;
  let size: CaptureSize = options;
  let watch: Disposable | undefined;
  let patience = PATIENCE_MS;

  function expect(): void {
    patience = PATIENCE_MS;
    arm();
  }

  function arm(): void {
    watch?.[Symbol.dispose]();
    watch = over ? undefined : clock.after(patience, late);
  }

  function late(): void {
    watch = undefined;
    // Frames that nobody has taken are reason enough for none to come.
    if (over || waiting.size > 0) return;
    begin();
    patience *= 2;
    if (patience <= PATIENCE_MAX_MS) arm();
  }

  function begin(): void {
    // Frames that were sent before count no more: what begins now has its own.
    waiting.clear();
    session.tell('Page.stopScreencast');
    session.tell('Page.startScreencast', wanted(size));
  }

  session.on('Page.screencastFrame', ({ data, metadata: { deviceWidth, deviceHeight }, sessionId }) => {
    const jpeg = Buffer.from(data, 'base64');
    const pixels = jpegSize(jpeg) ?? { width: deviceWidth, height: deviceHeight };
    watch?.[Symbol.dispose]();
    watch = undefined;
    waiting.set(++number, sessionId);
    const frame: Frame = {
      number,
      jpeg,
      ...pixels,
      scale: deviceWidth > 0 ? pixels.width / deviceWidth : 1,
      viewport: { width: deviceWidth, height: deviceHeight },
      arrived: clock.now(),
    };
    newest = frame;
    options.arrived(frame);
  });

  function end(ending: CaptureEnding): void {
    if (over) return;
    over = true;
    watch?.[Symbol.dispose]();
    session.off('Page.screencastFrame');
    if (ending === 'stopped') session.tell('Page.stopScreencast');
    parts.done();
    resolve(ending);
  }

  try {
    await session.send('Page.startScreencast', wanted(options));
  } catch (error) {
    // While a page is put in place there is none to film: it is tried again.
    if (!(error instanceof CdpFailure) || error.reason === 'gone') {
      session.off('Page.screencastFrame');
      throw error;
    }
  }
  if (number === 0) expect();

  return {
    tab,
    get newest() {
      return newest;
    },
    ack(frame) {
      for (const [known, sessionId] of waiting) {
        if (known > frame.number) return;
        waiting.delete(known);
        if (!over) session.tell('Page.screencastFrameAck', { sessionId });
      }
    },
    reconfigure(other) {
      if (over) return;
      size = other;
      begin();
      expect();
    },
    ended,
    end,
    expect,
    again() {
      // A frame of the page before may have come meanwhile, so that one came says nothing.
      if (over) return;
      begin();
      expect();
    },
    [Symbol.dispose]: () => end('stopped'),
  };
}

function wanted({ maxWidth, maxHeight, quality }: CaptureSize): {
  readonly format: 'jpeg';
  readonly quality: number;
  readonly maxWidth: number;
  readonly maxHeight: number;
  readonly everyNthFrame: number;
} {
  return { format: 'jpeg', quality, maxWidth, maxHeight, everyNthFrame: 1 };
}
