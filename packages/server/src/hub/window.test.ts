import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Batch } from '../log/event-log.ts';
import type { Encoding } from './hub.ts';
import { type Tail, Window } from './window.ts';

const EPOCH = '0123456789abcdef';

const LIVE: Tail = { live: true, closed: false };

function batch(first: number, count: number, epoch = EPOCH): Batch {
  const events = Array.from({ length: count }, (_, i) => ({ type: 't', data: String(first + i) }));
  return { epoch, first, time: 1, events };
}

/** Encodes to `1,2,3,` and counts how often it was asked. */
function counting(): Encoding & { encoded: number } {
  return {
    encoded: 0,
    encode({ events }) {
      this.encoded++;
      return Buffer.from(events.map((event) => `${String(event.data)},`).join(''));
    },
    frame: (parts) => Buffer.concat(parts),
  };
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}

function numbers(from: number, to: number): string {
  return Array.from({ length: to - from + 1 }, (_, i) => `${from + i},`).join('');
}

describe('Window', () => {
  it('gives every cursor it covers exactly what follows, whatever the batches', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 2000 }),
        fc.integer({ min: 1, max: 60 }),
        (sizes, limit, chunkBytes) => {
          const window = new Window({ epoch: EPOCH, offset: 10 }, limit, chunkBytes);
          const encoding = counting();
          let next = 11;
          for (const size of sizes) {
            expect(window.offer(batch(next, size))).toBe(true);
            next += size;
            for (let after = 10; after < next - 1; after++) {
              if (!window.covers(after)) continue;
              let seen = '';
              let cursor = after;
              while (cursor < window.latest) {
                const chunk = window.chunk(encoding, cursor, LIVE);
                expect(chunk.next).toBeGreaterThan(cursor);
                seen += text(chunk.bytes);
                cursor = chunk.next;
              }
              expect(seen).toBe(numbers(after + 1, next - 1));
            }
          }
          expect(window.covers(window.latest)).toBe(true);
          expect(window.covers(window.latest - 1)).toBe(true);
          expect(window.covers(window.latest + 1)).toBe(false);
        },
      ),
    );
  });

  it('takes what follows, ignores what it knows, cuts what overlaps and refuses a hole or another epoch', () => {
    const window = new Window({ epoch: EPOCH, offset: 0 }, 1 << 20, 1 << 20);
    expect(window.offer(batch(1, 3))).toBe(true);
    expect(window.offer(batch(1, 3))).toBe(true);
    expect(window.latest).toBe(3);
    expect(window.offer(batch(5, 1))).toBe(false);
    expect(window.offer(batch(4, 1, 'fedcba9876543210'))).toBe(false);
    expect(window.offer(batch(2, 4))).toBe(true);
    expect(text(window.chunk(counting(), 0, LIVE).bytes)).toBe('1,2,3,4,5,');
  });

  it('encodes a batch once for all cursors, and gives the same bytes to the same cursor', () => {
    const window = new Window({ epoch: EPOCH, offset: 0 }, 1 << 20, 1 << 20);
    const encoding = counting();
    window.offer(batch(1, 2));
    window.offer(batch(3, 2));
    const first = window.chunk(encoding, 0, LIVE);
    expect(window.chunk(encoding, 0, LIVE)).toBe(first);
    window.chunk(encoding, 2, LIVE);
    expect(encoding.encoded).toBe(2);
    window.offer(batch(5, 1));
    expect(text(window.chunk(encoding, 0, LIVE).bytes)).toBe('1,2,3,4,5,');
    expect(encoding.encoded).toBe(3);
  });

  it('holds no more than its limit, except for the newest batch', () => {
    const window = new Window({ epoch: EPOCH, offset: 0 }, 1000, 1 << 20);
    for (let i = 0; i < 500; i++) {
      window.offer(batch(i * 3 + 1, 3));
      expect(window.bytes).toBeLessThanOrEqual(1000);
    }
    expect(window.covers(0)).toBe(false);
    window.offer({ epoch: EPOCH, first: 1501, time: 1, events: [{ type: 't', data: 'x'.repeat(5000) }] });
    expect(window.bytes).toBe(5064);
    expect(window.covers(1500)).toBe(true);
    expect(window.covers(1499)).toBe(false);
    window.offer(batch(1502, 1));
    expect(window.bytes).toBeLessThan(100);
  });

  it('tells each chunk whether anything follows it, and again when that has changed', () => {
    const ends: unknown[] = [];
    const encoding: Encoding = {
      encode: ({ events }) => Buffer.from(events.map(() => 'xxxx').join('')),
      frame: (parts, end) => {
        ends.push([end?.next.offset, end?.live, end?.closed]);
        return Buffer.concat(parts);
      },
    };
    const window = new Window({ epoch: EPOCH, offset: 0 }, 1e6, 8);
    for (let first = 1; first <= 3; first++) window.offer(batch(first, 1));
    window.chunk(encoding, 0, LIVE);
    window.chunk(encoding, 2, LIVE);
    window.chunk(encoding, 2, LIVE);
    window.chunk(encoding, 2, { live: false, closed: false });
    window.chunk(encoding, 2, { live: true, closed: true });
    expect(ends).toEqual([
      [2, false, false],
      [3, true, false],
      [3, false, false],
      [3, true, true],
    ]);
  });
});
