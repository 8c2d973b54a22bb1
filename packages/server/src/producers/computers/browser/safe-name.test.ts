import fc from 'fast-check';
import { expect, test } from 'vitest';
import { safeName, withNumber } from './safe-name.ts';

test.each([
  ['report.pdf', 'report.pdf'],
  ['../../etc/passwd', 'passwd'],
  ['C:\\windows\\system.ini', 'system.ini'],
  ['.bashrc', 'bashrc'],
  ['..', 'download'],
  ['', 'download'],
  ['a\nb\u202ecod.exe', 'a_b_cod.exe'],
  ['  spaced  ', 'spaced'],
])('%j becomes %j', (given, wanted) => expect(safeName(given)).toBe(wanted));

test('SECURITY whatever a site says is one name of a bounded length', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 600 }), (given) => {
      const name = safeName(given);
      expect(name).not.toMatch(/[/\\\0-\x1f]/);
      expect(name).not.toMatch(/^\./);
      expect(name).not.toBe('');
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(200);
      expect(Buffer.from(name).toString()).toBe(name);
    }),
  );
});

test('a number comes before the extension', () => {
  expect([0, 1].map((n) => withNumber('a.tar.gz', n))).toEqual(['a.tar.gz', 'a.tar (1).gz']);
  expect(withNumber('name', 2)).toBe('name (2)');
});
