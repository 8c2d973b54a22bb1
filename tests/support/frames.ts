import type { Browser } from 'playwright-core';
import type { EventReader, Frame } from './sse-client.ts';

/** The head of a frame on a computer's socket. */
export interface FrameHead {
  readonly number: number;
  readonly time: number;
  readonly width: number;
  readonly height: number;
  readonly tab_id: string;
  readonly scale: number;
  readonly viewport: { readonly width: number; readonly height: number };
}

/** A binary message, taken apart as PROTOCOL.md says. */
export function readFrame(message: Buffer): { readonly head: FrameHead; readonly jpeg: Buffer } {
  const length = message.readUInt16BE(0);
  const head = JSON.parse(message.subarray(2, 2 + length).toString('utf8')) as FrameHead;
  return { head, jpeg: message.subarray(2 + length) };
}

/** The pictures on a raw screencast, decoded as strictly as base64 can be. */
export function picturesOf(reader: EventReader): Buffer[] {
  return reader.frames.flatMap((frame) => (frame.data === undefined ? [] : [pictureOf(frame)]));
}

export function pictureOf(frame: Frame): Buffer {
  const text = frame.data ?? '';
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(text) || text === '')
    throw new Error(`not base64: ${text.slice(0, 80)}`);
  return Buffer.from(text, 'base64');
}

export function isJpeg(bytes: Buffer): boolean {
  return (
    bytes.subarray(0, 2).equals(Buffer.from([0xff, 0xd8])) &&
    bytes.subarray(-2).equals(Buffer.from([0xff, 0xd9]))
  );
}

export interface Pixel {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue at the point that was asked for, 0 to 255. */
  readonly color: readonly [number, number, number];
}

/** Looks at a picture with a browser. `x` and `y` are parts of its width and height. */
export async function lookAt(
  browser: Browser,
  jpeg: Buffer,
  x: number = 0.5,
  y: number = 0.5,
): Promise<Pixel> {
  const page = await browser.newPage();
  try {
    return await page.evaluate<Pixel>(`(async () => {
      const image = new Image();
      image.src = 'data:image/jpeg;base64,${jpeg.toString('base64')}';
      await image.decode();
      const canvas = document.createElement('canvas');
      canvas.width = image.width;
      canvas.height = image.height;
      const context = canvas.getContext('2d');
      context.drawImage(image, 0, 0);
      const at = context.getImageData(Math.floor(image.width * ${x}), Math.floor(image.height * ${y}), 1, 1).data;
      return { width: image.width, height: image.height, color: [at[0], at[1], at[2]] };
    })()`);
  } finally {
    await page.close();
  }
}

/** Which of red, green and blue a picture is of, at that point. */
export async function colorOf(browser: Browser, jpeg: Buffer, x?: number, y?: number): Promise<string> {
  const { color } = await lookAt(browser, jpeg, x, y);
  const [red, green, blue] = color.map((part) => part > 128);
  return `${red === true ? 'r' : ''}${green === true ? 'g' : ''}${blue === true ? 'b' : ''}`;
}
