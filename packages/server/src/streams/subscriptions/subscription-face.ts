import { PlayheadError } from '@playhead/protocol';
import type { Gate } from '../../access/gate.ts';
import type { Exchange, Handler, Reply } from '../../http/exchange.ts';
import type { Access, Route, Router } from '../../http/router.ts';
import type { OutgoingGuard } from '../../outgoing/outgoing.ts';
import { baseUrl } from '../base-url.ts';
import { isRecord } from '../event-input.ts';
import { callerOf } from '../write-face.ts';
import type { LiveSubscription, WorkerToken } from './live-subscription.ts';
import type { SigningKeys } from './signing-keys.ts';
import { type ConfigLimits, readConfig, readStreams, streamIn } from './subscription-config.ts';
import { CONTROL_PATH } from './subscription-json.ts';
import { refusal } from './subscription-refusal.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { WakeTokens } from './wake-tokens.ts';
import { webhookUrlProblem } from './webhook-url.ts';
import { readAck, readClaim, readRelease } from './worker-request.ts';

export interface SubscriptionFaceParts {
  readonly subscriptions: Subscriptions;
  readonly keys: SigningKeys;
  readonly tokens: WakeTokens;
  readonly guard: OutgoingGuard;
  readonly gate: Gate;
  readonly limits: ConfigLimits;
  /** Where readers reach the server, if that is set. */
  readonly publicUrl: string | undefined;
  /** Whose signing keys are shown to a caller that names no set of keys. */
  readonly defaultTenant: string;
}

const ONE = `${CONTROL_PATH}/subscriptions/:id`;
const READ: Access = { scope: 'streams:read' };
const WRITE: Access = { scope: 'streams:write' };
const ID = /^[A-Za-z0-9._~:@-]{1,128}$/;
const KEYS_AGE_S = 300;

/**
 * The `__ds` face: subscriptions (P-260 to P-284). Callbacks, acks and releases carry a token of their own as Bearer, which
 * says by itself whose they are, so the app does not take that for a key (D-40).
 */
export function mountSubscriptions(router: Router, parts: SubscriptionFaceParts): void {
  const add = (method: Route['method'], path: string, access: Access, handle: Handler): void =>
    router.add({ method, path, access, handle });

  const get = (path: string, access: Access, handle: Handler): void => {
    for (const method of ['GET', 'HEAD'] as const) add(method, path, access, handle);
  };

  get(`${CONTROL_PATH}/subscriptions`, READ, (exchange) => list(parts, exchange));
  add('PUT', ONE, WRITE, (exchange) => put(parts, exchange));
  get(ONE, READ, async (exchange) => ({ body: await shown(parts, exchange, found(parts, exchange)) }));
  add('DELETE', ONE, WRITE, async (exchange) => {
    await parts.subscriptions.delete(callerOf(exchange).tenant, exchange.params['id'] ?? '');
    return { status: 204 };
  });
  add('POST', `${ONE}/streams`, WRITE, async (exchange) => {
    const body = await exchange.json();
    const names = isRecord(body) ? body['streams'] : undefined;
    if (!Array.isArray(names))
      throw new PlayheadError('invalid-request', 'The body is {streams: [name, …]}.');
    await found(parts, exchange).addStreams(readStreams(names, parts.limits.streams));
    return { status: 204 };
  });
  add('DELETE', `${ONE}/streams/*`, WRITE, async (exchange) => {
    const stream = streamIn(exchange.params['*'] ?? '');
    const subscription = found(parts, exchange);
    // What cannot be a name is not linked either.
    if (stream !== undefined) await subscription.removeStream(stream);
    return { status: 204 };
  });
  add('POST', `${ONE}/claim`, WRITE, async (exchange) => {
    const worker = readClaim(await exchange.json());
    return { body: await ofKind(found(parts, exchange), 'pull-wake').claim(worker) };
  });
  add('POST', `${ONE}/callback`, 'public', (exchange) => acknowledge(parts, exchange, 'webhook'));
  add('POST', `${ONE}/ack`, 'public', (exchange) => acknowledge(parts, exchange, 'pull-wake'));
  add('POST', `${ONE}/release`, 'public', async (exchange) => {
    const { subscription, token } = byToken(parts, exchange, 'pull-wake');
    await subscription.release({ token, ...readRelease(await exchange.json()) });
    return { status: 204 };
  });
  get(`${CONTROL_PATH}/jwks.json`, 'public', (exchange) => jwks(parts, exchange));
  reserve(router);
}

/** The rest of the prefix is no stream, whatever the method (P-260). */
function reserve(router: Router): void {
  for (const method of ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE'] as const)
    for (const path of [CONTROL_PATH, `${CONTROL_PATH}/`, `${CONTROL_PATH}/*`])
      router.add({ method, path, access: 'public', handle: nothing });
}

function nothing(): never {
  throw new PlayheadError('not-found', 'There is nothing at this path: __ds is no stream.');
}

function list({ subscriptions }: SubscriptionFaceParts, exchange: Exchange): Reply {
  const all = subscriptions.list(callerOf(exchange).tenant);
  return {
    body: {
      subscriptions: all.map(({ id, config, status }) => ({ id, type: config.delivery.kind, status })),
    },
  };
}

async function put(parts: SubscriptionFaceParts, exchange: Exchange): Promise<Reply> {
  const { tenant } = callerOf(exchange);
  const id = exchange.params['id'] ?? '';
  if (!ID.test(id))
    throw new PlayheadError('invalid-request', 'An id is 1 to 128 of A-Z a-z 0-9 . _ ~ : @ -');
  const config = readConfig(await exchange.json(), parts.limits);
  if (config.delivery.kind === 'webhook') {
    const problem = await webhookUrlProblem(config.delivery.url, parts.guard);
    if (problem !== undefined) throw refusal('WEBHOOK_URL_REJECTED', problem);
  }
  const base = parts.publicUrl ?? baseUrl(exchange, undefined);
  const { made, found: subscription } = await parts.subscriptions.put({ tenant, id, config, base });
  return { status: made ? 201 : 200, body: await shown(parts, exchange, subscription) };
}

/** A subscription, with where the public keys of its webhook are. */
async function shown(
  { keys, publicUrl, defaultTenant }: SubscriptionFaceParts,
  exchange: Exchange,
  subscription: LiveSubscription,
): Promise<Record<string, unknown>> {
  const view = await subscription.view();
  const { delivery } = subscription.config;
  if (delivery.kind !== 'webhook') return view;
  const { kid, set } = await keys.signer(subscription.tenant);
  const query = subscription.tenant === defaultTenant ? '' : `?set=${set}`;
  const jwks_url = `${baseUrl(exchange, publicUrl)}${CONTROL_PATH}/jwks.json${query}`;
  return { ...view, webhook: { url: delivery.url, signing: { alg: 'ed25519', kid, jwks_url } } };
}

async function acknowledge(
  parts: SubscriptionFaceParts,
  exchange: Exchange,
  kind: 'webhook' | 'pull-wake',
): Promise<Reply> {
  const { subscription, token } = byToken(parts, exchange, kind);
  return { body: await subscription.acknowledge({ token, ...readAck(await exchange.json()) }) };
}

/** The subscription that a worker's token is for. Looked at before anything of the body is read. */
function byToken(
  { tokens, subscriptions, gate }: SubscriptionFaceParts,
  exchange: Exchange,
  kind: 'webhook' | 'pull-wake',
): { readonly subscription: LiveSubscription; readonly token: WorkerToken } {
  const [, text] = /^Bearer +([^ ]+) *$/i.exec(exchange.request.headers.authorization ?? '') ?? [];
  if (text === undefined)
    throw refusal('TOKEN_INVALID', 'Send the token of the wake as Authorization: Bearer.');
  const read = tokens.read(text);
  if (read.kind === 'expired') throw refusal('TOKEN_EXPIRED', 'The token has expired.');
  if (read.kind === 'invalid' || read.claims.id !== exchange.params['id'])
    throw refusal('TOKEN_INVALID', 'The token is not one of this subscription.');
  const { claims, expiresAt } = read;
  const subscription = ofKind(subscriptions.get(claims.tenant, claims.id), kind);
  spend(gate, claims.tenant, claims.id);
  return { subscription, token: { claims, old: tokens.isOld(expiresAt) } };
}

/** Workers have a rate as keys have: all of one subscription together. */
function spend(gate: Gate, tenant: string, id: string): void {
  const keyId = `subscription:${tenant}/${id}`;
  const { allowed, retryAfter } = gate.spend({ keyId, tenant, userId: null, scopes: new Set() });
  if (allowed) return;
  throw new PlayheadError('rate-limited', 'The subscription has used up its rate. Slow down.', {
    extensions: { retry_after: retryAfter },
  });
}

function ofKind(subscription: LiveSubscription, kind: 'webhook' | 'pull-wake'): LiveSubscription {
  if (subscription.config.delivery.kind === kind) return subscription;
  throw new PlayheadError('invalid-request', `This is for subscriptions of type ${kind}.`);
}

function found({ subscriptions }: SubscriptionFaceParts, exchange: Exchange): LiveSubscription {
  return subscriptions.get(callerOf(exchange).tenant, exchange.params['id'] ?? '');
}

/** The default tenant's keys, or with `?set=` those of that set. Anybody may have them. */
function jwks({ keys, defaultTenant }: SubscriptionFaceParts, exchange: Exchange): Reply {
  const set = exchange.query.get('set');
  const published = set === null ? keys.ofTenant(defaultTenant) : keys.ofSet(set);
  if (published === undefined) throw new PlayheadError('not-found', 'There is no such set of keys.');
  return {
    headers: {
      'content-type': 'application/jwk-set+json',
      'cache-control': `public, max-age=${KEYS_AGE_S}`,
    },
    body: JSON.stringify({ keys: published }),
  };
}
