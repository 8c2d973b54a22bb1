import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { findFfmpeg } from './optional.ts';

/** Runs ffmpeg, with what it is given on its input; resolves to what it writes to its output. Rejects with its words. */
export async function ffmpeg(args: readonly string[], input?: Uint8Array): Promise<Buffer> {
  const child = spawn(findFfmpeg().path, ['-hide_banner', '-loglevel', 'error', '-y', '-nostdin', ...args], {
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const output: Buffer[] = [];
  let words = '';
  child.stdout?.on('data', (piece: Buffer) => output.push(piece));
  child.stderr?.on('data', (piece: Buffer) => {
    words += piece.toString();
  });
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(input);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`ffmpeg ended with ${code}: ${words}`);
  return Buffer.concat(output);
}

/** A JPEG of a scene of lavfi. */
export function jpegOf(scene: string): Promise<Buffer> {
  return ffmpeg(['-f', 'lavfi', '-i', scene, '-frames:v', '1', '-f', 'mjpeg', '-q:v', '3', '-']);
}

/** What a JPEG shows, as another decoder than ours sees it: grey, one byte a pixel. */
export function greyOf(jpeg: Uint8Array): Promise<Buffer> {
  return ffmpeg(['-f', 'mjpeg', '-i', '-', '-pix_fmt', 'gray', '-f', 'rawvideo', '-'], jpeg);
}
