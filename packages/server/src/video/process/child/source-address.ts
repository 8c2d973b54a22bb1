import type { VideoSourceSpec } from '../../video.ts';
import { PATTERNS } from '../../patterns.ts';
import { SourceFailure } from './failure.ts';
import { openRtspRelay } from './rtsp-relay.ts';

/** What FFmpeg is to open, and all that it may do for it. */
export interface SourceAddress {
  readonly url: string;
  /** Undefined: it finds out what the bytes are. */
  readonly demuxer?: string;
  readonly options: Readonly<Record<string, string>>;
  /** Its pictures are there at once, or come in bursts; undefined: that depends on what they come in. */
  readonly paced: boolean | undefined;
  /** Why it failed, if somebody knows better than FFmpeg. */
  readonly failure?: () => SourceFailure | undefined;
}

/** Containers that lead to no other file: no playlists, no lists of pictures. */
const CONTAINERS =
  'mov,matroska,avi,mpegts,mpeg,mpegvideo,m4v,flv,asf,ogg,ivf,obu,av1,h264,hevc,mjpeg,mpjpeg,jpeg_pipe,mxf,nut,gif,dv';

/** And what parts of an HLS stream come in. All of them are fetched through the proxy. */
const ONLINE = `${CONTAINERS},hls,aac,ac3,eac3,mp3,webvtt`;

/** Enough to know what a live source sends, and no more: until then nobody sees anything. */
const LIVE = { analyzeduration: '1500000', probesize: '2000000', fpsprobesize: '3' };

/** Rejects with `SourceFailure`. */
export async function sourceAddress(source: VideoSourceSpec): Promise<SourceAddress> {
  switch (source.kind) {
    case 'rtsp': {
      const relay = await openRtspRelay(source);
      return {
        url: relay.url,
        demuxer: 'rtsp',
        options: {
          ...LIVE,
          rtsp_transport: source.transport,
          protocol_whitelist: 'tcp,udp,rtp',
          allowed_media_types: 'video',
        },
        paced: false,
        failure: () => relay.failure,
      };
    }
    case 'http':
      return {
        url: source.url,
        options: {
          ...LIVE,
          http_proxy: source.proxy,
          protocol_whitelist: 'http,https,httpproxy,tls,tcp,crypto',
          format_whitelist: ONLINE,
          user_agent: 'Playhead',
        },
        paced: undefined,
      };
    case 'device':
      // Nothing but devices is read by this name, and none but those of video.
      if (!/^\/dev\/[\w/-]+$/.test(source.path))
        throw new SourceFailure('forbidden', 'That is no path of a device.');
      return {
        url: source.path,
        demuxer: 'v4l2',
        options: { ...LIVE, protocol_whitelist: '' },
        paced: false,
      };
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
  }
}
