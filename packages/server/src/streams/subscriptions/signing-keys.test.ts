import { createPublicKey, verify } from 'node:crypto';
import { expect, test } from 'vitest';
import { memoryRecords } from '../../records/memory/memory-records.ts';
import { manualClock } from '../../runtime/manual-clock.ts';
import { openSigningKeys } from './signing-keys.ts';

test('P-269 P-271 each tenant signs with a key of its own, which a restart keeps', async () => {
  await using records = memoryRecords();
  const clock = manualClock();
  const keys = await openSigningKeys(records, clock);
  const [one, same, other] = await Promise.all([
    keys.signer('one'),
    keys.signer('one'),
    keys.signer('other'),
  ]);
  expect(same.kid).toBe(one.kid);
  expect(other.kid).not.toBe(one.kid);

  const again = await openSigningKeys(records, clock);
  expect(again.ofTenant('one')).toEqual(keys.ofTenant('one'));
  expect(again.ofSet(one.set)).toEqual(keys.ofTenant('one'));
  expect([again.ofTenant('nobody'), again.ofSet('unknown')]).toEqual([[], undefined]);

  const body = '{"a":"ü"}';
  const [, time, kid, signature = ''] =
    /^t=(\d+),kid=(ds_[\w-]+),ed25519=([\w-]+)$/.exec((await again.signer('one')).signature(body)) ?? [];
  expect([Number(time), kid]).toEqual([Math.floor(clock.now() / 1000), one.kid]);
  const holds = ([jwk]: readonly object[]): boolean =>
    verify(
      null,
      Buffer.from(`${time}.${body}`),
      createPublicKey({ key: { ...jwk }, format: 'jwk' }),
      Buffer.from(signature, 'base64url'),
    );
  expect(holds(again.ofTenant('one'))).toBe(true);
  expect(holds(again.ofTenant('other'))).toBe(false);
  // Public keys only.
  expect(JSON.stringify(again.ofTenant('one'))).not.toContain('"d"');
});
