import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { manualClock } from '../../runtime/manual-clock.ts';
import { type WakeClaims, wakeTokens } from './wake-tokens.ts';

const CLAIMS: WakeClaims = { tenant: 'acme', id: 'sub-1', incarnation: 'i1', wake: 'w_1', generation: 7 };

test('P-276 a token says what it is for until it expires, also to a server that was started anew', () => {
  const clock = manualClock();
  const secret = randomBytes(32);
  const tokens = wakeTokens(secret, clock, 1_000);
  const token = tokens.make(CLAIMS);
  const expiresAt = clock.now() + 1_000;
  expect(wakeTokens(secret, clock, 5).read(token)).toEqual({ kind: 'valid', claims: CLAIMS, expiresAt });
  expect(tokens.isOld(expiresAt)).toBe(false);
  clock.advance(999);
  expect(tokens.read(token).kind).toBe('valid');
  expect(tokens.isOld(expiresAt)).toBe(true);
  clock.advance(1);
  expect(tokens.read(token)).toEqual({ kind: 'expired' });
});

test('P-276 whatever is changed in a token, it is none any more', () => {
  const clock = manualClock();
  const tokens = wakeTokens(randomBytes(32), clock, 1_000);
  const token = tokens.make(CLAIMS);
  expect(wakeTokens(randomBytes(32), clock, 1_000).read(token)).toEqual({ kind: 'invalid' });
  fc.assert(
    fc.property(fc.nat(token.length - 1), fc.constantFrom('A', 'b', '.', '0', '_'), (place, letter) => {
      const forged = token.slice(0, place) + letter + token.slice(place + 1);
      // The last letter of base64 holds bits that mean nothing.
      if (forged === token || place === token.length - 1) return;
      expect(tokens.read(forged)).toEqual({ kind: 'invalid' });
    }),
  );
  for (const text of [
    '',
    'dsw_',
    'dsw_.',
    `dsw_${'a'.repeat(5_000)}`,
    token.slice(4),
    `${token}.a`,
    token.slice(0, -9),
  ])
    expect(tokens.read(text)).toEqual({ kind: 'invalid' });
});
