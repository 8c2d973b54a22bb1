import { z } from 'zod';
import { type RowsOf, row } from './setting-row.ts';
import { httpUrl, list } from './setting-value.ts';

/** What a JWT can allow: nothing that gives the rights of the server, of other users, or more keys (D-19). */
export type TokenScope =
  | `${'contexts' | 'chats' | 'cameras' | 'streams'}:${'read' | 'write'}`
  | `computers:${'read' | 'control'}`
  | 'projects:read';

/** How JWTs are checked. */
export interface TokenSettings {
  readonly jwtSecret: string | undefined;
  readonly jwksUrl: string | undefined;
  readonly jwtIssuer: string | undefined;
  readonly jwtAudience: string | undefined;
  readonly jwtScopes: readonly TokenScope[];
  readonly jwtTenantClaim: string;
  readonly jwtUserClaim: string;
}

const SCOPES: readonly TokenScope[] = [
  ...([
    'contexts:read',
    'contexts:write',
    'chats:read',
    'chats:write',
    'cameras:read',
    'cameras:write',
  ] as const),
  ...(['computers:read', 'computers:control', 'streams:read', 'streams:write', 'projects:read'] as const),
];

export const TOKEN_ROWS: RowsOf<TokenSettings> = {
  jwtSecret: {
    ...row(z.string().min(32).max(1024).optional(), undefined, 'The secret of JWTs signed with HS256'),
    secret: true,
  },
  jwksUrl: row(httpUrl().optional(), undefined, 'Key set of JWTs signed with RS256 or ES256'),
  jwtIssuer: row(z.string().min(1).optional(), undefined, 'What iss must be in a JWT'),
  jwtAudience: row(z.string().min(1).optional(), undefined, 'What aud must be, or hold, in a JWT'),
  jwtScopes: row(
    list<TokenScope>(z.enum(SCOPES)),
    ['contexts:read', 'contexts:write'],
    'What a JWT may allow at most, and does if it names no scopes',
  ),
  jwtTenantClaim: row(
    z.string().min(1),
    'tenant',
    'Claim of a JWT that names the tenant; without it: default',
  ),
  jwtUserClaim: row(z.string().min(1), 'sub', 'Claim of a JWT that names the user'),
};
