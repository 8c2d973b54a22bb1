import fc from 'fast-check';
import { expect, test } from 'vitest';
import { streamPattern } from './stream-pattern.ts';

const fits = (pattern: string, name: string): boolean | undefined => streamPattern(pattern)?.matches(name);

test.each([
  ['events/*', 'events/a', true],
  ['events/*', 'events', false],
  ['events/*', 'events/a/b', false],
  ['events/*', 'eventsx/a', false],
  ['*', 'events', true],
  ['*', 'events/a', false],
  ['**', 'events', true],
  ['**', 'a/b/c', true],
  ['events/**', 'events', true],
  ['events/**', 'events/a/b', true],
  ['events/**', 'event', false],
  ['**/log', 'log', true],
  ['**/log', 'a/b/log', true],
  ['**/log', 'a/log/b', false],
  ['a/**/z', 'a/z', true],
  ['a/**/z', 'a/b/z/c/z', true],
  ['a/*/c', 'a/b/c', true],
  ['a/*/c', 'a/c', false],
  ['events/one', 'events/one', true],
  ['events/one', 'events/two', false],
  ['a.b/*', 'axb/1', false],
])('P-262 %s and %s', (pattern, name, expected) => expect(fits(pattern, name)).toBe(expected));

test.each([
  '',
  '/',
  'a//b',
  'a/',
  '/a',
  'a*',
  '***',
  'a/../b',
  '.',
  'a b',
  'ä',
  'a?',
  `${'a/'.repeat(200)}a`,
])('P-262 %s is no pattern', (pattern) => expect(streamPattern(pattern)).toBeUndefined());

const segment = fc.constantFrom('a', 'b', 'ab');
const names = fc.array(segment, { minLength: 1, maxLength: 6 });
const patterns = fc.array(fc.oneof(segment, fc.constantFrom('*', '**')), { minLength: 1, maxLength: 6 });

test('P-262 a pattern takes in what its regular expression takes in, and what it takes in begins with its prefix', () => {
  fc.assert(
    fc.property(patterns, names, (segments, parts) => {
      const pattern = streamPattern(segments.join('/'));
      const source = segments.map((each) =>
        each === '**' ? '(?:/[^/]+)*' : each === '*' ? '/[^/]+' : `/${each}`,
      );
      const name = parts.join('/');
      const expected = new RegExp(`^${source.join('')}$`).test(`/${name}`);
      expect(pattern?.matches(name)).toBe(expected);
      if (expected) expect(name.startsWith(pattern?.prefix ?? '?')).toBe(true);
    }),
  );
});

test('P-262 no pattern takes long', () => {
  const pattern = streamPattern(`${'**/a/'.repeat(42)}z`);
  const began = performance.now();
  for (let i = 0; i < 100; i++) expect(pattern?.matches('a/'.repeat(127) + 'a')).toBe(false);
  expect(performance.now() - began).toBeLessThan(5_000);
});
