import {
  createLocalJWKSet,
  errors,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
} from 'jose';
import type { OutgoingRequests } from '../outgoing/outgoing.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';

export interface KeySetParts {
  /** Where the keys are: a JSON Web Key Set (RFC 7517). */
  readonly url: string;
  readonly requests: Pick<OutgoingRequests, 'get'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The public keys of whoever signs tokens for this server. */
export interface KeySet {
  /** The key of a token. Rejects with jose's errors where there is none, or the set cannot be had. */
  keyOf(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<CryptoKey>;
}

/** After which keys are asked for again; those that are known go on counting meanwhile. */
const FRESH_MS = 10 * 60_000;
/** How long keys count if their source answers nothing else. */
const STALE_MS = 24 * 3_600_000;
/** Between two requests, whatever tokens name: anybody can invent key ids. */
const PAUSE_MS = 30_000;
const TIMEOUT_MS = 5_000;
const MAX_BYTES = 256 * 1024;
const MAX_KEYS = 100;

type Resolve = ReturnType<typeof createLocalJWKSet>;

/**
 * Fetches a key set when it is first needed, keeps it, and asks again when it is old or a token names a key that is not
 * in it: keys are changed by adding the new one first. One request is under way at most.
 */
export function createKeySet({ url, requests, clock, logger }: KeySetParts): KeySet {
  let known: { readonly resolve: Resolve; readonly at: number } | undefined;
  let askedAt = Number.NEGATIVE_INFINITY;
  let asking: Promise<void> | undefined;

  function ask(): Promise<void> {
    if (asking === undefined && clock.now() - askedAt < PAUSE_MS) return Promise.resolve();
    asking ??= fetchSet().finally(() => (asking = undefined));
    return asking;
  }

  async function fetchSet(): Promise<void> {
    askedAt = clock.now();
    const answer = await requests.get({
      url,
      headers: { accept: 'application/jwk-set+json, application/json' },
      timeoutMs: TIMEOUT_MS,
      answerBytes: MAX_BYTES,
    });
    const problem = answer.kind === 'answered' ? `status ${answer.status}` : answer.reason;
    const keys = answer.kind === 'answered' && answer.status === 200 ? readKeys(answer.body) : undefined;
    if (keys === undefined) {
      logger.warn({ problem }, 'the keys that tokens are signed with could not be fetched');
      return;
    }
    known = { resolve: createLocalJWKSet(keys), at: clock.now() };
  }

  function usable(): Resolve {
    if (known === undefined || clock.now() - known.at > STALE_MS) throw new errors.JWKSNoMatchingKey();
    return known.resolve;
  }

  return {
    async keyOf(header, token) {
      const age = known === undefined ? Number.POSITIVE_INFINITY : clock.now() - known.at;
      if (age > STALE_MS) await ask();
      else if (age > FRESH_MS) void ask();
      try {
        return await usable()(header, token);
      } catch (error) {
        if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
        await ask();
        return usable()(header, token);
      }
    },
  };
}

/** Public keys alone: a secret that stands in a public document is no secret. */
function readKeys(body: Uint8Array): JSONWebKeySet | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(body).toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (typeof parsed !== 'object' || parsed === null || !('keys' in parsed) || !Array.isArray(parsed.keys))
    return undefined;
  const keys = parsed.keys.slice(0, MAX_KEYS).filter(isPublicKey);
  return { keys };
}

function isPublicKey(key: unknown): key is JSONWebKeySet['keys'][number] {
  return typeof key === 'object' && key !== null && 'kty' in key && (key.kty === 'RSA' || key.kty === 'EC');
}
