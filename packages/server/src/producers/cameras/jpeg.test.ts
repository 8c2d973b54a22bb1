import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readJpeg } from './jpeg.ts';

/** The markers of a JPEG, without pixels that mean anything. */
function jpegOf(width: number, height: number, before: readonly Buffer[] = [], start = 0xc0): Buffer {
  const frame = Buffer.from([0xff, start, 0, 11, 8, 0, 0, 0, 0, 1, 1, 0x11, 0]);
  frame.writeUInt16BE(height, 5);
  frame.writeUInt16BE(width, 7);
  const scan = Buffer.from([0xff, 0xda, 0, 8, 1, 1, 0, 0, 0x3f, 0, 1, 2, 3]);
  return Buffer.concat([Buffer.from([0xff, 0xd8]), ...before, frame, scan, Buffer.from([0xff, 0xd9])]);
}

const comment = (length: number): Buffer => {
  const bytes = Buffer.alloc(length + 4, 1);
  bytes.writeUInt16BE(0xfffe, 0);
  bytes.writeUInt16BE(length + 2, 2);
  return bytes;
};

test('CC-22 the size of a JPEG is read from its markers, whatever stands before it and however it is coded', () => {
  for (const start of [0xc0, 0xc1, 0xc2])
    expect(readJpeg(jpegOf(1920, 1080, [comment(7), comment(60_000)], start))).toEqual({
      width: 1920,
      height: 1080,
    });
  // Fill bytes before a marker, and padding behind the end, are allowed.
  expect(readJpeg(jpegOf(2, 1, [Buffer.from([0xff, 0xff])]))).toEqual({ width: 2, height: 1 });
  expect(readJpeg(Buffer.concat([jpegOf(2, 1), Buffer.alloc(20)]))).toEqual({ width: 2, height: 1 });
});

test('CC-22 what is cut off, has no size, or is something else is none', () => {
  const whole = jpegOf(64, 48);
  expect(readJpeg(whole.subarray(0, -1))).toBeUndefined();
  expect(readJpeg(whole.subarray(1))).toBeUndefined();
  expect(readJpeg(jpegOf(0, 48))).toBeUndefined();
  expect(readJpeg(Buffer.concat([whole, Buffer.alloc(200)]))).toBeUndefined();
  expect(readJpeg(Buffer.from('\x89PNG\r\n\x1a\n and more of it'))).toBeUndefined();
  // A marker whose length leads to nowhere.
  expect(readJpeg(jpegOf(64, 48, [Buffer.from([0xff, 0xfe, 0, 0])]))).toBeUndefined();
});

test('CC-22 no bytes at all do anything else than be read, or not', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      const framed = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), bytes, Buffer.from([0xff, 0xd9])]);
      for (const each of [bytes, framed]) {
        const about = readJpeg(each);
        if (about !== undefined) expect(about.width * about.height).toBeGreaterThan(0);
      }
    }),
  );
});
