import type { Film, FrameSource, FrameTarget } from '../../frames/frames.ts';
import type { Browser, TabId } from './browser.ts';
import type { CaptureEnding, CaptureSize, Frame } from './capture.ts';

/** A tab as something to be filmed. Its frames say which tab, and how their pixels lie on the page. */
export function tabSource(browser: Pick<Browser, 'capture'>, tab: TabId, size: CaptureSize): FrameSource {
  return {
    async start(target): Promise<Film | undefined> {
      /** Those that are not acknowledged. Chromium stops at a few. */
      const waiting: Frame[] = [];
      const outcome = await browser.capture(tab, {
        ...size,
        arrived(frame) {
          waiting.push(frame);
          arrived(target, tab, frame);
        },
      });
      if (outcome.kind === 'refused') return undefined;
      const { capture } = outcome;
      return {
        taken(count) {
          let last: Frame | undefined;
          while (waiting[0] !== undefined && waiting[0].number <= count) last = waiting.shift();
          if (last !== undefined) capture.ack(last);
        },
        ended: capture.ended.then(endingOf),
        [Symbol.dispose]: () => capture[Symbol.dispose](),
      };
    },
  };
}

function arrived(target: FrameTarget, tab: TabId, frame: Frame): void {
  const { jpeg, width, height, scale, viewport } = frame;
  target.arrived({ jpeg, width, height, time: frame.arrived, about: { tab_id: tab, scale, viewport } });
}

function endingOf(ending: CaptureEnding): 'over' | 'again' {
  switch (ending) {
    case 'tab-closed':
    case 'browser-gone':
      return 'over';
    case 'stopped':
    case 'page-crashed':
      return 'again';
  }
}
