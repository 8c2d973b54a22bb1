import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SourceFailure } from './failure.ts';
import { createRtspReader } from './rtsp-reader.ts';

interface Outcome {
  readonly forwarded: string;
  readonly failure: string | undefined;
}

/** What becomes of such bytes when they come in pieces of these sizes. */
function read(bytes: string, sizes: readonly number[] = [bytes.length]): Outcome {
  let forwarded = '';
  let failure: SourceFailure | undefined;
  const reader = createRtspReader({
    address: '192.0.2.7',
    forward: (piece) => {
      expect(failure).toBeUndefined();
      forwarded += Buffer.from(piece).toString('latin1');
    },
    fail: (failed) => {
      expect(failure).toBeUndefined();
      failure = failed;
    },
  });
  const all = Buffer.from(bytes, 'latin1');
  for (let at = 0, turn = 0; at < all.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1;
    reader(all.subarray(at, at + size));
    at += size;
  }
  return { forwarded, failure: failure?.reason };
}

const OK = 'RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n';
const DESCRIBED = 'RTSP/1.0 200 OK\r\nCSeq: 2\r\nContent-Length: 5\r\n\r\nv=0\r\n';
const media = (length: number): string =>
  `$\0${String.fromCharCode(length >> 8, length & 0xff)}${'m'.repeat(length)}`;

describe('what a camera says', () => {
  test('comes through, however it is split', () => {
    const one = fc.oneof(fc.constantFrom(OK, DESCRIBED), fc.integer({ min: 0, max: 2_000 }).map(media));
    fc.assert(
      fc.property(
        fc.array(one),
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }),
        (said, sizes) => {
          const bytes = said.join('');
          expect(read(bytes, sizes)).toEqual({ forwarded: bytes, failure: undefined });
        },
      ),
    );
  });

  test('is said anew: one spelling, whatever ends its lines', () => {
    expect(read('\r\nRTSP/1.0 200 OK\nCSeq:1\nX-Y:  z\n\n').forwarded).toBe(
      'RTSP/1.0 200 OK\r\nCSeq: 1\r\nX-Y: z\r\n\r\n',
    );
  });

  test('D-22 names no other address to send to', () => {
    const setup = (transport: string): string => `RTSP/1.0 200 OK\r\nTransport: ${transport}\r\n\r\n`;
    expect(read(setup('RTP/AVP;unicast;client_port=1-2;server_port=3-4;source=10.0.0.1')).forwarded).toBe(
      setup('RTP/AVP;unicast;client_port=1-2;server_port=3-4;source=192.0.2.7'),
    );
    expect(read(setup('RTP/AVP/TCP;interleaved=0-1; destination=10.0.0.1')).forwarded).toBe(
      setup('RTP/AVP/TCP;interleaved=0-1'),
    );
  });

  test('D-22 a group of addresses is not joined', () => {
    const { forwarded, failure } = read(
      'RTSP/1.0 200 OK\r\nTransport: RTP/AVP;Multicast;destination=224.1.1.1\r\n\r\n',
    );
    expect([forwarded, failure]).toEqual(['', 'forbidden']);
  });

  test.each([
    'RTSP/1.0 302 Moved\r\nLocation: rtsp://10.0.0.1/\r\n\r\n',
    `${OK}${media(3)}RTSP/1.0 301 Moved\nLocation: rtsp://10.0.0.1/\n\n`,
    'RTSP/1.0 305 Use Proxy\r\n\r\n',
  ])('D-22 a redirect is not followed: %j', (bytes) => {
    const { forwarded, failure } = read(bytes, [7]);
    expect(failure).toBe('forbidden');
    expect(forwarded).not.toContain('Location');
  });

  test.each([
    'HTTP/1.1 200 OK\r\n\r\n',
    'RTSP/1.0 0302 Moved\r\n\r\n',
    'RTSP/1.0  302 Moved\r\n\r\n',
    'RT\rSP/1.0 302 Moved\r\n\r\n',
    'RTSP/2.0 302 Moved\r\n\r\n',
    'RTSP/1.0 200 OK\r\nno header\r\n\r\n',
    'RTSP/1.0 200 OK\r\nContent-Length: -1\r\n\r\n',
    'RTSP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n',
    `RTSP/1.0 200 OK\r\nX: ${'x'.repeat(70_000)}`,
  ])('what FFmpeg might read otherwise than this is refused: %j', (bytes) => {
    expect(read(bytes)).toEqual({ forwarded: '', failure: 'no-video' });
  });
});
