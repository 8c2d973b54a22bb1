import fc from 'fast-check';
import { expect, test } from 'vitest';
import { requestPath } from './request-path.ts';

test('what is accepted has one reading: decoding its segments gives no separator and no dot segment', () => {
  const piece = fc.constantFrom(
    'a',
    '.',
    '..',
    '/',
    '//',
    '%2f',
    '%2E',
    '%',
    '%25',
    '%00',
    '\\',
    'é',
    '%c3%a9',
    '?',
    '#',
    'z',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const target = `/${pieces.join('')}`;
      let path: string;
      try {
        path = requestPath(target);
      } catch (error) {
        expect(error).toMatchObject({ code: 'invalid-request' });
        return;
      }
      expect(path).toBe(target.split('?')[0]);
      const segments = path.split('/').slice(1);
      for (const [index, segment] of segments.entries()) {
        const decoded = decodeURIComponent(segment);
        expect(decoded).not.toMatch(/[/\\\0]|^\.{1,2}$/);
        if (index < segments.length - 1) expect(decoded).not.toBe('');
      }
    }),
  );
});

test('a target that is no path is refused', () => {
  for (const target of ['', '*', 'http://localhost/', 'x', '?']) {
    expect(() => requestPath(target), target).toThrow(expect.objectContaining({ code: 'invalid-request' }));
  }
});

test('P-266 the name of a stream that is unlinked may be one encoded segment, and nothing else may', () => {
  const under = '/v1/stream/__ds/subscriptions/sub-1/streams/';
  for (const name of ['a%2Fb', 'a%2fb', 'a/b', 'a%2Fb/c', 'a'])
    expect(requestPath(under + name)).toBe(under + name);
  for (const target of [
    `${under}a%2F%2Fb`,
    `${under}a%2F..%2Fb`,
    `${under}a%2F%2E%2E`,
    `${under}%2Fa`,
    `${under}a%5Cb`,
    `${under}a%00`,
    '/v1/stream/__ds/subscriptions/a%2Fb/streams/c',
    '/v1/stream/__ds/subscriptions/a%2Fstreams%2Fc',
    '/v1/stream/a%2Fb',
    '/v1/streams/__ds/subscriptions/sub-1/streams/a%2Fb',
    '/v1/stream/x/__ds/subscriptions/sub-1/streams/a%2Fb',
  ])
    expect(() => requestPath(target), target).toThrow(expect.objectContaining({ code: 'invalid-request' }));
});
