import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
  sign,
} from 'node:crypto';
import { PlayheadError } from '@playhead/protocol';
import type { Clock } from '../../runtime/clock.ts';
import type { Records } from '../../records/records.ts';

/** A public key as receivers look it up (RFC 8037). */
export interface WebhookJwk {
  readonly kty: 'OKP';
  readonly crv: 'Ed25519';
  readonly x: string;
  readonly kid: string;
  readonly use: 'sig';
  readonly alg: 'EdDSA';
}

/** What the webhooks of one tenant are signed with. */
export interface WebhookSigner {
  readonly kid: string;
  /** Names the tenant's set of public keys, and tells nothing of the tenant. */
  readonly set: string;
  /** The value of `Webhook-Signature` for a body sent now. */
  signature(body: string): string;
}

export interface SigningKeys {
  /** The tenant's signer; its key is made when it is first asked for. */
  signer(tenant: string): Promise<WebhookSigner>;
  /** The public keys of a tenant; none while it has none. */
  ofTenant(tenant: string): readonly WebhookJwk[];
  /** The public keys of a set; undefined if there is no such set. */
  ofSet(set: string): readonly WebhookJwk[] | undefined;
}

/** As it is stored. */
interface KeySet {
  readonly set: string;
  /** PKCS #8 in base64, the newest last, which signs. */
  readonly keys: readonly string[];
}

interface OpenSet {
  readonly signer: WebhookSigner;
  readonly jwks: readonly WebhookJwk[];
}

/**
 * Ed25519 keys of webhooks, one set a tenant: a receiver that trusts the keys of its own tenant cannot be called in the
 * name of another tenant of the same server (P-271). They are in the records, so they outlive a restart.
 */
export async function openSigningKeys(records: Records, clock: Clock): Promise<SigningKeys> {
  const stored = records.collection<KeySet>('webhook-keys');
  const byTenant = new Map<string, OpenSet>();
  const bySet = new Map<string, OpenSet>();

  function take(tenant: string, value: KeySet): OpenSet {
    const set = openSet(value, clock);
    byTenant.set(tenant, set);
    bySet.set(value.set, set);
    return set;
  }

  async function make(tenant: string): Promise<OpenSet> {
    const { privateKey } = generateKeyPairSync('ed25519');
    const key = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64');
    const made: KeySet = { set: randomBytes(16).toString('base64url'), keys: [key] };
    // Of two that make one at a time, the first counts for both.
    const counts = (await stored.add(tenant, made)) ? made : await stored.get(tenant);
    return byTenant.get(tenant) ?? take(tenant, counts ?? made);
  }

  for (const { id, value } of await stored.list()) take(id, value);
  return {
    signer: async (tenant) => (byTenant.get(tenant) ?? (await make(tenant))).signer,
    ofTenant: (tenant) => byTenant.get(tenant)?.jwks ?? [],
    ofSet: (set) => bySet.get(set)?.jwks,
  };
}

function openSet({ set, keys }: KeySet, clock: Clock): OpenSet {
  const pairs = keys.map((text) => {
    const key = createPrivateKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'pkcs8' });
    return { key, jwk: jwkOf(key) };
  });
  const newest = pairs.at(-1);
  if (newest === undefined) throw new PlayheadError('internal', 'A set of signing keys is empty.');
  const { key, jwk } = newest;
  return {
    jwks: pairs.map((pair) => pair.jwk),
    signer: {
      kid: jwk.kid,
      set,
      signature(body) {
        const time = Math.floor(clock.now() / 1000);
        const signed = sign(null, Buffer.from(`${time}.${body}`), key);
        return `t=${time},kid=${jwk.kid},ed25519=${signed.toString('base64url')}`;
      },
    },
  };
}

/** The id of a key is its thumbprint (RFC 7638), so it is the same wherever the key is. */
function jwkOf(key: KeyObject): WebhookJwk {
  const { x = '' } = createPublicKey(key).export({ format: 'jwk' });
  const thumbprint = createHash('sha256').update(JSON.stringify({ crv: 'Ed25519', kty: 'OKP', x }));
  return {
    kty: 'OKP',
    crv: 'Ed25519',
    x,
    kid: `ds_${thumbprint.digest('base64url')}`,
    use: 'sig',
    alg: 'EdDSA',
  };
}
