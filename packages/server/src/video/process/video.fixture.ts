import { createDirectLauncher } from '../../launcher/direct/direct-launcher.ts';
import { systemClock } from '../../runtime/clock.ts';
import type { Detected } from '../detector.ts';
import type { OpenVideo, Video, VideoAbout, VideoEnd, VideoPicture, VideoRequest } from '../video.ts';
import { createVideo } from './create-video.ts';
import { VIDEO_DEFAULTS, type VideoSettings } from './video-settings.ts';

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

export function testVideo(settings: Partial<VideoSettings> = {}): Video {
  return createVideo({
    launcher: createDirectLauncher(),
    clock: systemClock,
    logger: SILENT,
    settings: { ...VIDEO_DEFAULTS, path: process.env['PATH'] ?? '', ...settings },
  });
}

/** A source that is open, and what it told. */
export interface Watched extends Disposable {
  readonly open: OpenVideo;
  readonly abouts: readonly VideoAbout[];
  readonly pictures: readonly VideoPicture[];
  readonly detections: readonly Detected[];
  readonly troubles: readonly string[];
  readonly corrupt: number;
  /** Resolves once so it is; rejects if the source ends before. */
  until(fits: () => boolean): Promise<void>;
  readonly ended: Promise<VideoEnd>;
}

/** `takes`: whether pictures are taken as they come. */
export function watch(
  video: Video,
  request: Partial<VideoRequest> & Pick<VideoRequest, 'source'>,
  takes: () => boolean = () => true,
): Watched {
  const abouts: VideoAbout[] = [];
  const pictures: VideoPicture[] = [];
  const detections: Detected[] = [];
  const troubles: string[] = [];
  const waiting = new Set<() => void>();
  let corrupt = 0;
  const told = (): void => {
    for (const look of waiting) look();
  };
  const open = video.open(
    { id: 'test', fps: null, width: null, quality: 80, detector: null, openMs: 20_000, ...request },
    {
      opened(about) {
        abouts.push(about);
        told();
      },
      picture(picture) {
        pictures.push(picture);
        if (takes()) open.taken(picture.number);
        told();
      },
      detected(detected) {
        detections.push(detected);
        told();
      },
      corrupt(count) {
        corrupt += count;
        told();
      },
      detectorFailed(message) {
        troubles.push(message);
        told();
      },
    },
  );
  return {
    open,
    abouts,
    pictures,
    detections,
    troubles,
    get corrupt() {
      return corrupt;
    },
    ended: open.ended,
    until: (fits) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!fits()) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
        void open.ended.then((end) => {
          if (waiting.delete(look)) reject(new Error(`It ended: ${JSON.stringify(end)}`));
        });
      }),
    [Symbol.dispose]: () => open[Symbol.dispose](),
  };
}
