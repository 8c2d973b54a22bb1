import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import { envelope } from '../http/envelope.ts';
import type { Exchange, Reply } from '../http/exchange.ts';
import type { Router } from '../http/router.ts';
import { isTenant } from '../log/stream-key.ts';
import { addressList } from '../runtime/address.ts';
import { canRead } from '../runtime/can-read.ts';
import type { Clock } from '../runtime/clock.ts';
import { networkList } from '../runtime/network-list.ts';
import { parseDuration } from './duration.ts';
import { isLiveAdmin } from './first-key.ts';
import { hashKey, type KeyRecord, keyPrefix, newKeyId, newKeyText } from './key-record.ts';
import { checkRemoval, grantKey, type KeyRequest, maySee, warningsOf } from './key-rules.ts';
import type { Keys } from './keys.ts';
import { type Principal, SCOPES } from './principal.ts';

export interface KeysFaceParts {
  readonly keys: Keys;
  readonly clock: Clock;
  /** Whether commands run outside any sandbox: then new keys that may execute carry a warning. */
  readonly directLauncher: boolean;
}

/** A tenant cannot fill the server's memory with keys. */
const MAX_KEYS_PER_TENANT = 10_000;

const ADDRESS = z
  .string()
  .max(64)
  .refine((text) => canRead(() => addressList([text])), 'must be an address or a network such as 10.0.0.0/8');

const NETWORK = z
  .string()
  .max(255)
  .refine(
    (text) => canRead(() => networkList([text])),
    'must be a host, an address or a network such as intranet.example, 127.0.0.1:3000 or 10.0.0.0/8',
  );

const BODY = z.strictObject({
  name: z.string().trim().min(1).max(200),
  scopes: z.array(z.enum(SCOPES)).min(1).max(SCOPES.length),
  tenant: z.string().refine(isTenant, 'must be 1 to 64 of A-Z a-z 0-9 _ -').optional(),
  user_id: z.string().min(1).max(256).nullish(),
  expires_in: z
    .union([z.string(), z.number()])
    .transform((value, context) => {
      const seconds = parseDuration(value);
      if (seconds === undefined)
        context.addIssue('must be seconds, or such as 12h or 30d, at most ten years');
      return seconds ?? 0;
    })
    .nullish(),
  allowed_ips: z.array(ADDRESS).max(100).nullish(),
  allowed_networks: z.array(NETWORK).max(100).nullish(),
});

/** `/keys`, in the shapes of the command face (D-38). */
export function mountKeysFace(router: Router, parts: KeysFaceParts): void {
  const { keys, clock, directLauncher } = parts;

  async function create(exchange: Exchange): Promise<Reply> {
    const principal = callerOf(exchange);
    const request = parse(await exchange.json());
    const now = clock.now();
    const granted = grantKey(request, { principal, key: keys.get(principal.keyId), now, directLauncher });
    if (keys.list().filter((key) => key.tenant === granted.tenant).length >= MAX_KEYS_PER_TENANT) {
      throw new PlayheadError('conflict', `The tenant has ${MAX_KEYS_PER_TENANT} keys. Delete some first.`);
    }
    const text = newKeyText();
    const record: KeyRecord = {
      ...granted,
      id: newKeyId(),
      hash: hashKey(text),
      key_prefix: keyPrefix(text),
      created_at: new Date(now).toISOString(),
      last_used_at: null,
      origin: 'request',
    };
    await keys.put(record);
    const warnings = warningsOf(record.scopes, directLauncher);
    const data = { ...shown(record), key: text, ...(warnings.length === 0 ? {} : { warnings }) };
    return envelope(exchange, data, 201);
  }

  function list(exchange: Exchange): Reply {
    const principal = callerOf(exchange);
    // An admin asks for another tenant's by name: its own list is not to be buried in theirs.
    const tenant = exchange.query.get('tenant') ?? principal.tenant;
    const seen = keys.list().filter((key) => key.tenant === tenant && maySee(principal, key));
    return envelope(exchange, seen.map(shown));
  }

  function find(exchange: Exchange): KeyRecord {
    const key = keys.get(exchange.params['id'] ?? '');
    if (key === undefined || !maySee(callerOf(exchange), key)) {
      throw new PlayheadError('not-found', 'There is no such key.');
    }
    return key;
  }

  async function remove(exchange: Exchange): Promise<Reply> {
    const key = find(exchange);
    checkRemoval(callerOf(exchange), key);
    if (key.origin === 'environment') {
      throw new PlayheadError('conflict', 'This key is given by a setting of the server: change it there.');
    }
    const now = clock.now();
    if (isLiveAdmin(key, now) && keys.list().filter((each) => isLiveAdmin(each, now)).length === 1) {
      throw new PlayheadError('conflict', 'This is the last admin key. Make another first.');
    }
    await keys.delete(key.id);
    return { status: 204 };
  }

  const read = { scope: 'keys:read' } as const;
  const write = { scope: 'keys:write' } as const;
  router.add({ method: 'POST', path: '/keys', access: write, bodyLimit: 64 * 1024, handle: create });
  router.add({ method: 'GET', path: '/keys', access: read, handle: list });
  router.add({
    method: 'GET',
    path: '/keys/:id',
    access: read,
    handle: (exchange) => envelope(exchange, shown(find(exchange))),
  });
  router.add({ method: 'DELETE', path: '/keys/:id', access: write, handle: remove });
}

/** A key as it may be shown: all but its hash. */
function shown(record: KeyRecord): Omit<KeyRecord, 'hash' | 'origin'> {
  const { hash: _hash, origin: _origin, ...rest } = record;
  return rest;
}

function parse(body: unknown): KeyRequest {
  const result = BODY.safeParse(body);
  if (!result.success) {
    const [issue] = result.error.issues;
    const where = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
    throw new PlayheadError('invalid-request', `${where}${issue?.message ?? 'The body is malformed.'}`);
  }
  const { data } = result;
  return {
    name: data.name,
    scopes: data.scopes,
    tenant: data.tenant,
    user_id: data.user_id,
    expires_in: data.expires_in ?? undefined,
    allowed_ips: data.allowed_ips ?? undefined,
    allowed_networks: data.allowed_networks ?? undefined,
  };
}

// The routes need a scope, so there is a caller; a route that forgot to would fail here, not let anybody in.
function callerOf(exchange: Exchange): Principal {
  if (exchange.principal === undefined) throw new PlayheadError('unauthenticated', 'Send a key.');
  return exchange.principal;
}
