import { pipeline } from 'node:stream/promises';
import { PlayheadError } from '@playhead/protocol';
import type { Playing, RecordedPicture, Recordings } from '../frames/recordings.ts';
import type { Exchange } from '../http/exchange.ts';
import type { StreamKey } from '../log/stream-key.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Video } from '../video/video.ts';
import { readTime } from './read-time.ts';

export interface ExportParts {
  readonly recordings: Pick<Recordings, 'play'>;
  readonly video: Pick<Video, 'write' | 'missing'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: ExportLimits;
}

export interface ExportLimits {
  /** At once. */
  readonly most: number;
  /** Of one video, ms. */
  readonly spanMs: number;
  /** How long a reader may take nothing, ms. */
  readonly stallMs: number;
}

/** Answers with a video of what was recorded. One for all sources, because it counts them. */
export type Exporter = (exchange: Exchange, key: StreamKey, format: 'webm' | 'mp4') => Promise<void>;

const TYPES = { webm: 'video/webm', mp4: 'video/mp4' } as const;

/**
 * Makes videos of recordings while they are read: no faster than the reader takes them, and no longer than the reader
 * stays. Throws `invalid-request` for a span that makes no sense or is too long, `not-found` if nothing was shown in it,
 * `overloaded` beyond the limit, `not-served` where nothing encodes.
 */
export function createExporter({ recordings, video, clock, logger, limits }: ExportParts): Exporter {
  let under = 0;

  return async (exchange, key, format) => {
    const span = readSpan(exchange, clock.now());
    if (video.missing !== undefined) throw new PlayheadError('not-served', video.missing);
    const playing = await recordings.play(key, span);
    if (playing === undefined)
      throw new PlayheadError('not-found', 'Nothing that was shown then is kept.', {
        extensions: { reason: 'not-recorded' },
      });
    if (playing.to - playing.from > limits.spanMs)
      throw new PlayheadError(
        'invalid-request',
        `A video is of at most ${limits.spanMs / 1000} seconds: say from and to.`,
        { extensions: { parameter: 'to' } },
      );
    const headers = {
      'content-type': TYPES[format],
      'content-disposition': `inline; filename="recording.${format}"`,
      'cache-control': 'no-store',
      'accept-ranges': 'none',
      'x-recording-from': new Date(playing.from).toISOString(),
      'x-recording-to': new Date(playing.to).toISOString(),
    };
    if (exchange.request.method === 'HEAD') {
      exchange.response.writeHead(200, headers).end();
      return;
    }
    if (under >= limits.most)
      throw new PlayheadError('overloaded', 'As many videos are made as may be at once. Try again later.');
    under++;
    try {
      await send(exchange, playing, format, headers);
    } finally {
      under--;
    }
  };

  async function send(
    exchange: Exchange,
    playing: Playing,
    format: 'webm' | 'mp4',
    headers: Readonly<Record<string, string>>,
  ): Promise<void> {
    const { response } = exchange;
    let gone = response.destroyed;
    response.once('close', () => {
      gone = true;
    });
    const { pictures, lastMs } = playing;
    const source = until(pictures, () => gone);
    const pieces = video.write({ format, pictures: source, lastMs })[Symbol.asyncIterator]();
    try {
      // What cannot be made at all is an error and no half an answer.
      const first = await pieces.next();
      if (gone) return;
      response.setTimeout(limits.stallMs, () => response.destroy());
      response.writeHead(200, headers);
      await pipeline(all(first, pieces), response);
    } catch (error) {
      if (!response.headersSent) throw error;
      if (!gone) logger.warn({ err: error }, 'a video of a recording broke off');
      response.destroy();
    } finally {
      await pieces.return?.();
    }
  }
}

/** Gives what comes until nobody wants it any more. */
async function* until(
  pictures: AsyncIterable<RecordedPicture>,
  gone: () => boolean,
): AsyncGenerator<RecordedPicture> {
  for await (const picture of pictures) {
    if (gone()) return;
    yield picture;
  }
}

async function* all(
  first: IteratorResult<Uint8Array>,
  rest: AsyncIterator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (let next = first; next.done !== true; next = await rest.next()) yield next.value;
}

function readSpan(exchange: Exchange, now: number): { readonly from: number; readonly to: number } {
  const from = exchange.query.get('from');
  const to = exchange.query.get('to');
  const span = {
    from: from === null ? 0 : readTime('from', from),
    to: to === null ? now : readTime('to', to),
  };
  if (span.from < span.to) return span;
  throw new PlayheadError('invalid-request', 'from is a time before to.', {
    extensions: { parameter: 'from' },
  });
}
