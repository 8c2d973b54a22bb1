import type { Capture, CaptureEnding, CaptureOptions, CaptureSize, Frame } from '../capture.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { CdpSession } from './cdp-connection.ts';
import { jpegSize } from './image-size.ts';

/** A capture, and how its tab ends it. */
export interface Screencast extends Capture {
  end(ending: CaptureEnding): void;
}

export interface ScreencastParts {
  readonly session: CdpSession;
  readonly tab: string;
  readonly clock: Clock;
  readonly options: CaptureOptions;
  /** Called once, when it has ended. */
  done(): void;
}

/** Films a tab. Resolves when Chromium has begun to; rejects with `CdpFailure`. */
export async function startScreencast(parts: ScreencastParts): Promise<Screencast> {
  const { session, tab, clock, options } = parts;
  /** Chromium's names of the frames that it was not told are taken, by our number. */
  const waiting = new Map<number, number>();
  const { promise: ended, resolve } = Promise.withResolvers<CaptureEnding>();
  let newest: Frame | undefined;
  let number = 0;
  let over = false;

  session.on('Page.screencastFrame', ({ data, metadata: { deviceWidth, deviceHeight }, sessionId }) => {
    const jpeg = Buffer.from(data, 'base64');
    const size = jpegSize(jpeg) ?? { width: deviceWidth, height: deviceHeight };
    waiting.set(++number, sessionId);
    const frame: Frame = {
      number,
      jpeg,
      ...size,
      scale: deviceWidth > 0 ? size.width / deviceWidth : 1,
      viewport: { width: deviceWidth, height: deviceHeight },
      arrived: clock.now(),
    };
    newest = frame;
    options.arrived(frame);
  });

  function end(ending: CaptureEnding): void {
    if (over) return;
    over = true;
    session.off('Page.screencastFrame');
    if (ending === 'stopped') session.tell('Page.stopScreencast');
    parts.done();
    resolve(ending);
  }

  try {
    await session.send('Page.startScreencast', wanted(options));
  } catch (error) {
    session.off('Page.screencastFrame');
    throw error;
  }

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
    reconfigure(size) {
      if (over) return;
      // Frames that were sent before count no more: what begins now has its own.
      waiting.clear();
      session.tell('Page.stopScreencast');
      session.tell('Page.startScreencast', wanted(size));
    },
    ended,
    end,
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
