import type { VideoSourceSpec } from '../../video.ts';
import { PATTERNS } from '../../patterns.ts';
import { SourceFailure } from './failure.ts';

/** What FFmpeg is to open, and all that it may do for it. */
export interface SourceAddress {
  readonly url: string;
  /** Undefined: it finds out what the bytes are. */
  readonly demuxer?: string;
  readonly options: Readonly<Record<string, string>>;
  /** Its pictures are there at once, or come in bursts. */
  readonly paced: boolean;
}

/** Containers that lead to no other file: no playlists, no lists of pictures. */
const CONTAINERS =
  'mov,matroska,avi,mpegts,mpeg,mpegvideo,m4v,flv,asf,ogg,ivf,obu,av1,h264,hevc,mjpeg,mpjpeg,jpeg_pipe,mxf,nut,gif,dv';

/** Rejects with `SourceFailure`. */
export async function sourceAddress(source: VideoSourceSpec): Promise<SourceAddress> {
  switch (source.kind) {
    case 'pattern': {
      const { name, width, height, fps } = source;
      // A name is part of a description of filters, which could be told to open anything.
      if (!PATTERNS.includes(name))
        throw new SourceFailure('not-found', `There is no pattern of that name, but ${PATTERNS.join(', ')}.`);
      return {
        url: `${name}=size=${width}x${height}:rate=${fps}`,
        demuxer: 'lavfi',
        options: { protocol_whitelist: '' },
        paced: true,
      };
    }
    case 'file':
      return {
        url: `file:${source.path}`,
        options: { protocol_whitelist: 'file', format_whitelist: CONTAINERS },
        paced: true,
      };
    default:
      throw new SourceFailure('missing', 'Sources of this kind are not read yet.');
  }
}
