import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testVideo, watch, type Watched } from '../../packages/server/src/video/process/video.fixture.ts';
import { findFfmpeg } from '../support/optional.ts';
import { ffmpeg, greyOf } from '../support/pictures.ts';
import { gone } from '../support/processes.ts';

describe.skipIf(findFfmpeg().missing)('cameras that are files', () => {
  const video = testVideo();
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'playhead-files-'));
  });
  afterAll(async () => {
    await video[Symbol.asyncDispose]();
    await rm(folder, { recursive: true, force: true });
  });

  async function film(name: string, scene: string, seconds: number, ...args: string[]): Promise<string> {
    const path = join(folder, name);
    await ffmpeg(['-f', 'lavfi', '-i', scene, '-t', String(seconds), '-pix_fmt', 'yuv420p', ...args, path]);
    return path;
  }

  const open = (path: string, loop = false, more: object = {}): Watched =>
    watch(video, { source: { kind: 'file', path, loop }, ...more });

  test('a file is played once, at its own pace, and is over', async () => {
    const path = await film('once.mp4', 'testsrc2=size=320x180:rate=25', 2, '-c:v', 'libx264', '-bf', '2');
    using watched = open(path);
    expect(await watched.ended).toEqual({ kind: 'over' });
    expect(watched.abouts).toEqual([{ width: 320, height: 180, fps: 25, codec: 'h264' }]);
    const { pictures } = watched;
    expect((pictures.at(-1)?.time ?? 0) - (pictures[0]?.time ?? 0)).toBeGreaterThanOrEqual(1_200);
  });

  // Some cannot be wound back, and some have no times.
  test.each(['mp4', 'ts', 'h264', 'mkv'])(
    'a file that loops begins again, at its own pace: %s',
    async (kind) => {
      const path = await film(
        `loop.${kind}`,
        'testsrc2=size=160x90:rate=25',
        0.4,
        '-c:v',
        'libx264',
        '-bf',
        '0',
      );
      using watched = open(path, true);
      await watched.until(() => watched.pictures.length >= 26);
      expect(watched.abouts.length).toBe(1);
      expect((watched.pictures[25]?.time ?? 0) - (watched.pictures[0]?.time ?? 0)).toBeGreaterThan(500);
    },
  );

  test('colours are those of the scene, over the full range that a JPEG has', async () => {
    // Video has black at 16 and white at 235; a JPEG has them at 0 and 255.
    for (const [colour, grey] of [
      ['black', 0],
      ['white', 255],
      ['gray', 128],
    ] as const) {
      const path = await film(`${colour}.mp4`, `color=${colour}:size=64x64:rate=5`, 0.4, '-c:v', 'libx264');
      using watched = open(path, true);
      await watched.until(() => watched.pictures.length >= 1);
      const pixels = await greyOf(watched.pictures[0]?.jpeg ?? Buffer.alloc(0));
      for (const value of pixels) expect(Math.abs(value - grey)).toBeLessThanOrEqual(3);
    }
  });

  test('another size in mid-stream is told, and pictures go on in it', async () => {
    const first = await film('a.ts', 'testsrc2=size=320x180:rate=10', 1, '-c:v', 'libx264');
    const second = await film(
      'b.ts',
      'testsrc2=size=160x120:rate=10',
      1,
      '-c:v',
      'libx264',
      '-output_ts_offset',
      '1',
    );
    const path = join(folder, 'ab.ts');
    await writeFile(path, Buffer.concat([await readFile(first), await readFile(second)]));
    using watched = open(path);
    expect(await watched.ended).toEqual({ kind: 'over' });
    expect(watched.abouts.map(({ width, height }) => [width, height])).toEqual([
      [320, 180],
      [160, 120],
    ]);
    expect(watched.pictures.at(-1)).toMatchObject({ width: 160, height: 120 });
  });

  test('bytes that are spoilt are counted and survived', async () => {
    const path = await film('spoilt.ts', 'testsrc2=size=320x180:rate=25', 3, '-c:v', 'libx264', '-g', '10');
    const bytes = await readFile(path);
    for (let at = bytes.length >> 2; at < bytes.length >> 1; at += 97) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    await writeFile(path, bytes);
    using watched = open(path, true);
    await watched.until(() => watched.corrupt > 0 && watched.pictures.length > 80);
  });

  test('MJPEG passes through untouched', async () => {
    const path = await film(
      'mjpeg.avi',
      'testsrc2=size=160x90:rate=10',
      1,
      '-c:v',
      'mjpeg',
      '-huffman',
      'default',
    );
    using watched = open(path, true);
    await watched.until(() => watched.pictures.length >= 3);
    const bytes = await readFile(path);
    for (const { jpeg } of watched.pictures) expect(bytes.includes(jpeg)).toBe(true);
  });

  test('no video: words, sound alone, a folder, a file of nothing, one that is not there', async () => {
    const words = join(folder, 'words.txt');
    await writeFile(words, 'no video at all\n'.repeat(1_000));
    const empty = join(folder, 'empty.mp4');
    await writeFile(empty, '');
    const sound = join(folder, 'sound.mp4');
    await ffmpeg(['-f', 'lavfi', '-i', 'sine', '-t', '1', sound]);
    for (const path of [words, empty, sound, folder]) {
      using watched = open(path);
      expect(await watched.ended).toMatchObject({ kind: 'failed', reason: 'no-video' });
    }
    using nowhere = open(join(folder, 'none.mp4'));
    expect(await nowhere.ended).toMatchObject({ kind: 'failed', reason: 'not-found' });
  });

  test('D-22 a file leads to no other: no playlist is read', async () => {
    const path = await film('inner.ts', 'testsrc2=size=160x90:rate=10', 1, '-c:v', 'libx264');
    const lists = {
      'list.m3u8': `#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n${path}\n#EXT-X-ENDLIST\n`,
      'list.ffconcat': `ffconcat version 1.0\nfile '${path}'\n`,
      'list.sdp':
        'v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\na=rtpmap:96 H264/90000\n',
    };
    for (const [name, text] of Object.entries(lists)) {
      const list = join(folder, name);
      await writeFile(list, text);
      using watched = open(list, false, { openMs: 5_000 });
      expect((await watched.ended).kind).toBe('failed');
    }
  });

  test('a device that is not there, or is none', async () => {
    using nowhere = watch(video, { source: { kind: 'device', path: '/dev/video987' } });
    expect(await nowhere.ended).toMatchObject({ kind: 'failed', reason: 'not-found' });
    using none = watch(video, { source: { kind: 'device', path: '/dev/null' } });
    expect(await none.ended).toMatchObject({ kind: 'failed', reason: 'no-video' });
    using other = watch(video, { source: { kind: 'device', path: '/etc/hostname' } });
    expect(await other.ended).toMatchObject({ kind: 'failed', reason: 'forbidden' });
  });

  test('a process does not outlive a server that is killed', async () => {
    const fixture = new URL('../../packages/server/src/video/process/video.fixture.ts', import.meta.url).href;
    const script = `
      const { testVideo, watch } = await import(${JSON.stringify(fixture)});
      const watched = watch(testVideo(), {
        source: { kind: 'pattern', name: 'testsrc2', width: 160, height: 90, fps: 25 },
      });
      await watched.until(() => watched.pictures.length > 0);
      console.log(watched.open.pid);`;
    const server = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(server.stdout, 'data')) as [Buffer];
    const pid = Number(line.toString());
    expect(pid).toBeGreaterThan(0);
    server.kill('SIGKILL');
    await gone(pid);
  });
});
