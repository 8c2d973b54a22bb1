import { createSecretKey } from 'node:crypto';
import { base64url, type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import type { OutgoingAnswer } from '../outgoing/outgoing.ts';
import { manualClock } from '../runtime/manual-clock.ts';
import { createTokenCheck, looksLikeToken, type TokenParts } from './jwt.ts';
import { createKeySet } from './key-set.ts';

const SECRET = 'a secret of more than thirty-two characters';
const logger = { debug() {}, info() {}, warn() {}, error() {} };
const clock = manualClock();
const soon = (): number => Math.floor(clock.now() / 1000) + 3_600;

function check(more: Partial<TokenParts> = {}): ReturnType<typeof createTokenCheck> {
  return createTokenCheck({
    clock,
    secret: SECRET,
    scopes: ['contexts:read', 'contexts:write'],
    tenantClaim: 'tenant',
    userClaim: 'sub',
    ...more,
  });
}

const sign = (claims: JWTPayload, secret: string = SECRET): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(createSecretKey(Buffer.from(secret)));

/** A token as nobody's library would write it. */
const forge = (head: object, claims: object, signature = ''): string =>
  [...[head, claims].map((part) => base64url.encode(JSON.stringify(part))), signature].join('.');

describe('D-15 tokens', () => {
  test('name one tenant, optionally a user, what they allow, and until when', async () => {
    const exp = soon();
    expect(await check()(await sign({ sub: 'user_456', tenant: 'acme', exp }))).toEqual({
      keyId: expect.stringMatching(/^jwt_[0-9a-f]{16}$/),
      tenant: 'acme',
      userId: 'user_456',
      scopes: new Set(['contexts:read', 'contexts:write']),
      expiresAt: exp * 1000,
    });
    expect(await check()(await sign({ exp }))).toMatchObject({ tenant: 'default', userId: null });
    const renamed = check({ tenantClaim: 'org', userClaim: 'email' });
    expect(await renamed(await sign({ org: 'a', email: 'b@c', sub: 'x', exp }))).toMatchObject({
      tenant: 'a',
      userId: 'b@c',
    });
  });

  test('allow what they name and the server lets them, never more', async () => {
    const scopesOf = async (claims: JWTPayload): Promise<string[]> => [
      ...((await check()(await sign({ ...claims, exp: soon() })))?.scopes ?? []),
    ];
    expect(await scopesOf({ scope: 'contexts:read admin openid' })).toEqual(['contexts:read']);
    expect(await scopesOf({ scopes: ['contexts:write', 'projects:execute'] })).toEqual(['contexts:write']);
    expect(await scopesOf({ scope: '' })).toEqual([]);
    expect(await scopesOf({ scope: 7 })).toEqual([]);
    expect(await scopesOf({ scopes: 'admin' })).toEqual([]);
  });

  test.each([
    ['expired', () => sign({ sub: 'a', exp: soon() - 3_600 })],
    ['without an end', () => sign({ sub: 'a' })],
    ['not valid yet', () => sign({ sub: 'a', exp: soon(), nbf: soon() - 60 })],
    ['of another secret', () => sign({ sub: 'a', exp: soon() }, `${SECRET}.`)],
    ['of no algorithm', async () => `${forge({ alg: 'none' }, { sub: 'a', exp: soon() })}x`],
    ['of no algorithm, unsigned', async () => forge({ alg: 'none' }, { sub: 'a', exp: soon() })],
    ['of an algorithm in capitals', async () => forge({ alg: 'NONE' }, { sub: 'a', exp: soon() }, 'x')],
    ['without an algorithm', async () => forge({}, { sub: 'a', exp: soon() }, 'x')],
    ['of a tenant that cannot be', () => sign({ sub: 'a', tenant: 'a/b', exp: soon() })],
    ['of the server itself', () => sign({ sub: 'a', tenant: '_server', exp: soon() })],
    ['of a tenant that is no text', () => sign({ sub: 'a', tenant: ['acme'], exp: soon() })],
    ['of an empty user', () => sign({ sub: '', exp: soon() })],
    ['of a user that is no Unicode', () => sign({ sub: '\ud800', exp: soon() })],
    [
      'with an unknown critical member',
      async () => forge({ alg: 'HS256', crit: ['x'], x: 1 }, { exp: soon() }, 'x'),
    ],
    ['with claims that are a list', async () => forge({ alg: 'HS256' }, [], 'x')],
    ['that are no token', async () => 'eyJ.x.y'],
  ])('%s do not count', async (_, make) => {
    expect(await check()(await make())).toBeUndefined();
  });

  test('with claims that were changed do not count', async () => {
    const [head = '', , signature = ''] = (await sign({ sub: 'a', exp: soon() })).split('.');
    const claims = base64url.encode(JSON.stringify({ sub: 'b', exp: soon() }));
    expect(await check()(`${head}.${claims}.${signature}`)).toBeUndefined();
  });

  test('of another issuer, or for another audience, do not count where one is set', async () => {
    const strict = check({ issuer: 'https://id.example', audience: 'playhead' });
    const claims = { sub: 'a', iss: 'https://id.example', aud: 'playhead', exp: soon() };
    expect(await strict(await sign(claims))).toMatchObject({ userId: 'a' });
    expect(await strict(await sign({ ...claims, iss: 'https://evil.example' }))).toBeUndefined();
    expect(await strict(await sign({ ...claims, aud: 'other' }))).toBeUndefined();
    expect(await strict(await sign({ sub: 'a', exp: soon() }))).toBeUndefined();
  });

  test('are told apart from keys by their form', () => {
    expect(looksLikeToken('rdev_0123456789')).toBe(false);
    expect(looksLikeToken(forge({ alg: 'HS256' }, {}, 'x'))).toBe(true);
    expect(looksLikeToken(`eyJ${'a'.repeat(9_000)}.a.b`)).toBe(false);
  });
});

describe('a key set', () => {
  let rsa: { publicKey: CryptoKey; privateKey: CryptoKey };
  let curve: typeof rsa;
  beforeAll(async () => {
    rsa = await generateKeyPair('RS256', { extractable: true });
    curve = await generateKeyPair('ES256', { extractable: true });
  });

  async function jwk(key: CryptoKey, kid: string): Promise<object> {
    return { ...(await exportJWK(key)), kid };
  }

  function source(keys: () => unknown): { asked: number; get(): Promise<OutgoingAnswer> } {
    return {
      asked: 0,
      async get() {
        this.asked++;
        const value = keys();
        const body = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value));
        return { kind: 'answered', status: 200, headers: {}, body };
      },
    };
  }

  const setOf = (requests: ReturnType<typeof source>) =>
    createKeySet({ url: 'https://id.example/keys', requests, clock, logger });
  const signed = (alg: string, key: CryptoKey, kid: string, claims: JWTPayload = { sub: 'a', exp: soon() }) =>
    new SignJWT(claims).setProtectedHeader({ alg, kid }).sign(key);

  test('checks RS256 and ES256, is fetched once, and again when it is old or lacks a key', async () => {
    let keys = [await jwk(rsa.publicKey, 'one')];
    const requests = source(() => ({ keys }));
    const verify = check({ keySet: setOf(requests) });
    expect(requests.asked).toBe(0);
    const tokens = [
      await signed('RS256', rsa.privateKey, 'one'),
      await signed('RS256', rsa.privateKey, 'one'),
    ];
    for (const found of await Promise.all(tokens.map(verify))) expect(found).toMatchObject({ userId: 'a' });
    expect(requests.asked).toBe(1);

    keys = [...keys, await jwk(curve.publicKey, 'two')];
    const other = await signed('ES256', curve.privateKey, 'two');
    expect(await verify(other)).toBeUndefined();
    expect(requests.asked).toBe(1);
    clock.advance(30_000);
    expect(await verify(other)).toMatchObject({ userId: 'a' });
    expect(requests.asked).toBe(2);

    clock.advance(11 * 60_000);
    expect(await verify(other)).toMatchObject({ userId: 'a' });
    expect(requests.asked).toBe(3);
  });

  test('is asked at most once in 30 s, whatever ids tokens invent, and goes on counting while its source fails', async () => {
    let answer: unknown = { keys: [await jwk(rsa.publicKey, 'one')] };
    const requests = source(() => answer);
    const verify = check({ keySet: setOf(requests) });
    const good = await signed('RS256', rsa.privateKey, 'one', { sub: 'a', exp: soon() + 90_000 });
    expect(await verify(good)).toBeDefined();
    for (let i = 0; i < 20; i++)
      expect(await verify(await signed('RS256', rsa.privateKey, `k${i}`))).toBeUndefined();
    expect(requests.asked).toBe(1);
    for (const broken of ['not json', { keys: 7 }, [], 'null']) {
      answer = broken;
      clock.advance(3_600_000);
      expect(await verify(good)).toBeDefined();
    }
    clock.advance(24 * 3_600_000);
    expect(await verify(good)).toBeUndefined();
  });

  test('never takes a public key for a secret, nor a secret out of a public document', async () => {
    const pem = JSON.stringify(await exportJWK(rsa.publicKey));
    const keys = [
      await jwk(rsa.publicKey, 'one'),
      { kty: 'oct', k: base64url.encode(SECRET), kid: 'oct', alg: 'HS256' },
    ];
    const verify = check({
      secret: 'another secret of thirty-two characters',
      keySet: setOf(source(() => ({ keys }))),
    });
    expect(await verify(await sign({ sub: 'a', exp: soon() }, pem))).toBeUndefined();
    expect(await verify(await sign({ sub: 'a', exp: soon() }))).toBeUndefined();
    expect(await verify(await signed('RS256', rsa.privateKey, 'oct'))).toBeUndefined();
    const lone = createTokenCheck({
      clock,
      keySet: setOf(source(() => ({ keys }))),
      scopes: [],
      tenantClaim: 't',
      userClaim: 'sub',
    });
    expect(await lone(await sign({ sub: 'a', exp: soon() }))).toBeUndefined();
    expect(await lone(await signed('RS256', rsa.privateKey, 'one'))).toBeDefined();
  });
});
