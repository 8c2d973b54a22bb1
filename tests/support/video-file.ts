import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { ffmpeg } from './pictures.ts';
import { findFfmpeg } from './optional.ts';

export interface VideoFile {
  readonly codec: string;
  readonly width: number;
  readonly height: number;
  /** Of its pictures, ms from the first. */
  readonly times: readonly number[];
}

/** What FFmpeg's own tools find in a video. Throws with their words. */
export function readVideoFile(video: Buffer): VideoFile {
  const entries = 'stream=codec_name,width,height:packet=pts_time';
  const args = ['-v', 'error', '-show_entries', entries, '-of', 'json', '-'];
  // It comes with the other.
  const program = join(dirname(findFfmpeg().path), 'ffprobe');
  const run = spawnSync(program, args, { input: video, encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (run.stderr !== '') throw new Error(run.stderr);
  const { streams, packets } = JSON.parse(run.stdout) as {
    streams: { codec_name: string; width: number; height: number }[];
    packets: { pts_time: string }[];
  };
  const [stream] = streams;
  const times = packets.map(({ pts_time }) => Math.round(Number(pts_time) * 1000));
  return {
    codec: stream?.codec_name ?? '',
    width: stream?.width ?? 0,
    height: stream?.height ?? 0,
    times: times.map((time) => time - (times[0] ?? 0)),
  };
}

/** The pictures of a video, decoded, as JPEGs. */
export async function picturesOfFile(video: Buffer): Promise<Buffer[]> {
  const args = ['-i', '-', '-fps_mode', 'passthrough', '-f', 'image2pipe', '-c:v', 'mjpeg', '-'];
  const jpegs = await ffmpeg(args, video);
  const pictures: Buffer[] = [];
  for (let at = 0; at < jpegs.length; ) {
    const end = jpegs.indexOf(Buffer.from([0xff, 0xd9]), at) + 2;
    pictures.push(jpegs.subarray(at, end));
    at = end;
  }
  return pictures;
}
