import { isStreamName } from '@playhead/protocol';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { idOfSegment, nameSegment } from './name-segment.ts';
import { isTenant, SERVER_TENANT, streamKey } from './stream-key.ts';

describe('D-4 the segment of a foreign id', () => {
  test('keeps what a name may hold, and writes every other byte in two digits', () => {
    expect(nameSegment('user_456')).toBe('user_456');
    expect(nameSegment('a.b/c')).toBe('a~2eb~2fc');
    expect(nameSegment('..')).toBe('~2e~2e');
    expect(nameSegment('~2e')).toBe('~7e2e');
    expect(nameSegment('ü')).toBe('~c3~bc');
  });

  test('hashes what is long, and nobody can be named like the hash', () => {
    const long = nameSegment('x'.repeat(121));
    expect(long).toMatch(/^~~[0-9a-f]{64}$/);
    expect(nameSegment('x'.repeat(120))).toHaveLength(120);
    expect(nameSegment('ü'.repeat(21))).toMatch(/^~~/);
    expect(nameSegment(long)).not.toBe(long);
    for (const id of ['', '\ud800', 'a\udfff']) expect(() => nameSegment(id)).toThrow(RangeError);
  });

  test('is a segment of a name, and never the same for two ids', () => {
    const id = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(id, id, (one, other) => {
        expect(isStreamName(`contexts/${nameSegment(one)}/user-contexts`)).toBe(true);
        expect(nameSegment(one)).not.toContain('/');
        const back = idOfSegment(nameSegment(one));
        expect(back === undefined ? nameSegment(one).startsWith('~~') : back === one).toBe(true);
        if (one !== other) expect(nameSegment(one)).not.toBe(nameSegment(other));
      }),
    );
  });
});

test('D-16 what belongs to the server belongs to no tenant that anybody can be of', () => {
  expect(isTenant(SERVER_TENANT)).toBe(false);
  expect(isTenant('default')).toBe(true);
  expect(streamKey(SERVER_TENANT, 'contexts/global-events')).toBe('_server:contexts/global-events');
});
