import { expect } from 'vitest';
import { type Answer, request, type RequestOptions } from './request.ts';
import type { TestServer } from './server.ts';

/** Settings under which webhooks may go to this machine, and nobody waits for a real interval. */
export const SUBSCRIPTION_SETTINGS: Readonly<Record<string, string>> = {
  PLAYHEAD_ALLOWED_NETWORKS: '127.0.0.1',
  PLAYHEAD_WEBHOOK_RETRY_MS: '20',
  PLAYHEAD_WEBHOOK_RETRY_MAX_MS: '100',
  PLAYHEAD_SUBSCRIPTION_LEASE_MIN_MS: '50',
};

/** A subscription as answers show it. */
export interface Subscription {
  readonly id: string;
  readonly subscription_id: string;
  readonly type: 'webhook' | 'pull-wake';
  readonly pattern: string | null;
  readonly streams: readonly {
    readonly path: string;
    readonly link_type: 'glob' | 'explicit';
    readonly acked_offset: string;
  }[];
  readonly webhook: {
    readonly url: string;
    readonly signing: { readonly alg: string; readonly kid: string; readonly jwks_url: string };
  } | null;
  readonly wake_stream: string | null;
  readonly lease_ttl_ms: number;
  readonly created_at: string;
  readonly status: 'active' | 'failed';
  readonly description: string | null;
  readonly last_failure?: { readonly at: string; readonly reason: string };
}

/** What a worker that claimed has. */
export interface Claim {
  readonly wake_id: string;
  readonly generation: number;
  readonly token: string;
  readonly streams: readonly {
    readonly path: string;
    readonly acked_offset: string;
    readonly tail_offset: string;
    readonly has_pending: boolean;
  }[];
  readonly lease_ttl_ms: number;
}

export const CONTROL = '/v1/stream/__ds';

export function control(server: TestServer, path: string, options: RequestOptions = {}): Promise<Answer> {
  return request(server, `${CONTROL}/${path}`, options);
}

/** Makes or confirms a subscription, whatever comes of it. */
export function putSubscription(
  server: TestServer,
  id: string,
  body: Readonly<Record<string, unknown>>,
  key?: string,
): Promise<Answer> {
  return control(server, `subscriptions/${id}`, {
    method: 'PUT',
    body,
    ...(key === undefined ? {} : { key }),
  });
}

/** Makes a subscription and gives it. */
export async function subscribe(
  server: TestServer,
  id: string,
  body: Readonly<Record<string, unknown>>,
  key?: string,
): Promise<Subscription> {
  const answer = await putSubscription(server, id, body, key);
  expect(answer.status, answer.text).toBe(201);
  return answer.json<Subscription>();
}

export async function readSubscription(server: TestServer, id: string, key?: string): Promise<Subscription> {
  const answer = await control(server, `subscriptions/${id}`, key === undefined ? {} : { key });
  expect(answer.status, answer.text).toBe(200);
  return answer.json<Subscription>();
}

/** The cursors of a subscription by stream. */
export async function cursorsOf(server: TestServer, id: string): Promise<Readonly<Record<string, string>>> {
  const { streams } = await readSubscription(server, id);
  return Object.fromEntries(streams.map(({ path, acked_offset }) => [path, acked_offset]));
}

/** A request of a worker: its token as Bearer, and no key. */
export function work(
  server: TestServer,
  id: string,
  action: 'callback' | 'ack' | 'release',
  token: string,
  body: unknown,
): Promise<Answer> {
  const headers = { authorization: `Bearer ${token}` };
  return control(server, `subscriptions/${id}/${action}`, { method: 'POST', body, key: null, headers });
}

export function claim(server: TestServer, id: string, worker: string, key?: string): Promise<Answer> {
  return control(server, `subscriptions/${id}/claim`, {
    method: 'POST',
    body: { worker },
    ...(key === undefined ? {} : { key }),
  });
}

export async function makeStream(server: TestServer, name: string, key?: string): Promise<void> {
  const { status, text } = await request(server, `/v1/streams/${name}`, {
    method: 'PUT',
    ...(key === undefined ? {} : { key }),
  });
  expect([200, 201], text).toContain(status);
}

/** Appends one event and gives its position, which is where the stream ends. */
export async function append(server: TestServer, name: string, data: unknown, key?: string): Promise<string> {
  const answer = await request(server, `/v1/streams/${name}`, {
    method: 'POST',
    body: { type: 'note', data },
    ...(key === undefined ? {} : { key }),
  });
  expect(answer.status, answer.text).toBe(200);
  return answer.json<{ position: string }>().position;
}

/** An error of this face. */
export function expectRefusal(answer: Answer, status: number, code: string): Record<string, unknown> {
  expect(answer.status, answer.text).toBe(status);
  const { error } = answer.json<{ error: Record<string, unknown> }>();
  expect(error).toMatchObject({ code, message: expect.any(String) });
  return error;
}
