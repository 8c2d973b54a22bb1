import type { OutgoingRequests } from '../outgoing/outgoing.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Logger } from '../runtime/logger.ts';
import type { Settings } from '../runtime/settings.ts';
import { createTokenCheck } from './jwt.ts';
import { createKeySet } from './key-set.ts';
import type { Principal } from './principal.ts';

export interface OpenTokenParts {
  readonly settings: Settings;
  readonly requests: Pick<OutgoingRequests, 'get'>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What checks JWTs, as the settings say; nothing where they name neither a secret nor a key set. */
export function openTokens({ settings, requests, clock, logger }: OpenTokenParts): {
  readonly verifyToken?: (text: string) => Promise<Principal | undefined>;
} {
  const { jwtSecret: secret, jwksUrl: url, jwtIssuer: issuer, jwtAudience: audience } = settings;
  if (secret === undefined && url === undefined) return {};
  return {
    verifyToken: createTokenCheck({
      clock,
      ...(secret === undefined ? {} : { secret }),
      ...(url === undefined ? {} : { keySet: createKeySet({ url, requests, clock, logger }) }),
      ...(issuer === undefined ? {} : { issuer }),
      ...(audience === undefined ? {} : { audience }),
      scopes: settings.jwtScopes,
      tenantClaim: settings.jwtTenantClaim,
      userClaim: settings.jwtUserClaim,
    }),
  };
}
