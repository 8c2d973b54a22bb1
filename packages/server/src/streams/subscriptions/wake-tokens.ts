import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../../runtime/clock.ts';

/** What a token is good for: the callbacks, acks and releases of one wake of one subscription. */
export interface WakeClaims {
  readonly tenant: string;
  /** The id of the subscription. */
  readonly id: string;
  /** Which subscription of that id: one that is made anew knows no token of the one before. */
  readonly incarnation: string;
  readonly wake: string;
  readonly generation: number;
}

export type TokenReading =
  | {
      readonly kind: 'valid';
      readonly claims: WakeClaims;
      /** ms since 1970. */
      readonly expiresAt: number;
    }
  | { readonly kind: 'invalid' }
  | { readonly kind: 'expired' };

export interface WakeTokens {
  make(claims: WakeClaims): string;
  read(text: string): TokenReading;
  /** Whether a token that expires then should be replaced by now. */
  isOld(expiresAt: number): boolean;
}

const PREFIX = 'dsw_';
const MAX_LENGTH = 1_024;

/**
 * Tokens of wakes: claims and their HMAC-SHA256, both base64url, so that nothing is stored for them and a restart takes
 * none away. They open nothing else: no stream, no other subscription, no other wake.
 */
export function wakeTokens(secret: Buffer, clock: Clock, validMs: number): WakeTokens {
  const macOf = (payload: string): Buffer => createHmac('sha256', secret).update(payload).digest();
  return {
    make({ tenant, id, incarnation, wake, generation }) {
      const claims = [tenant, id, incarnation, wake, generation, clock.now() + validMs];
      const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
      return `${PREFIX}${payload}.${macOf(payload).toString('base64url')}`;
    },
    read(text) {
      const [payload, mac, ...rest] = text.slice(PREFIX.length).split('.');
      if (text.length > MAX_LENGTH || !text.startsWith(PREFIX) || mac === undefined || rest.length > 0)
        return { kind: 'invalid' };
      const given = Buffer.from(mac, 'base64url');
      const wanted = macOf(payload ?? '');
      if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return { kind: 'invalid' };
      // What has our mark was made by us, so its shape is known.
      const claims = JSON.parse(Buffer.from(payload ?? '', 'base64url').toString()) as MadeClaims;
      const [tenant, id, incarnation, wake, generation, expiresAt] = claims;
      if (clock.now() >= expiresAt) return { kind: 'expired' };
      return { kind: 'valid', claims: { tenant, id, incarnation, wake, generation }, expiresAt };
    },
    isOld: (expiresAt) => expiresAt - clock.now() < validMs / 2,
  };
}

type MadeClaims = [string, string, string, string, number, number];
