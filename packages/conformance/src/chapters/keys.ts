import { describe, expect, test } from 'vitest';
import { ask } from '../ask.ts';
import { freshTenant, type MadeKey, makeKey } from '../keys.ts';
import { freshName, makeStream, PREFIX, streamPath } from '../streams.ts';
import { target } from '../target.ts';

describe('8 Keys', () => {
  test('P-91 a key is sent in a header, and does not count in a URL', async () => {
    const bearer = { headers: { authorization: `Bearer ${target.key}` }, key: null };
    expect((await ask('/v1/streams', bearer)).status).toBe(200);
    expect((await ask('/v1/streams', { key: target.key })).status).toBe(200);
    for (const name of ['key', 'api_key', 'apikey', 'token', 'access_token', 'ticket', 'x-api-key']) {
      const { status } = await ask(`/v1/streams?${name}=${encodeURIComponent(target.key)}`, { key: null });
      expect([name, status]).toEqual([name, 401]);
    }
  });

  test('P-92 a key is shown once, listed without itself, and revoked at once', async () => {
    const { id, key } = await makeKey({ scopes: ['streams:read'] });
    const listed = await ask('/keys');
    expect(listed.text).toContain(id);
    expect(listed.text).not.toContain(key);
    expect((await ask(`/keys/${id}`)).text).not.toContain(key);
    expect((await ask('/v1/streams', { key })).status).toBe(200);
    expect((await ask(`/keys/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await ask('/v1/streams', { key })).status).toBe(401);
  });

  test('P-93 a key lies within one tenant', async () => {
    const name = await makeStream();
    const scopes = ['streams:read', 'streams:write', 'keys:read'];
    const { key } = await makeKey({ scopes, tenant: freshTenant() });
    expect((await ask(`/v1/streams?prefix=${PREFIX}`, { key })).text).not.toContain(name);
    const own = await ask(streamPath(name), { method: 'PUT', key, body: { ttl_seconds: 3600 } });
    expect(own.status).toBe(201);
    await ask(streamPath(name), { method: 'POST', key, body: { type: 'n', data: 'theirs' } });
    expect((await ask(streamPath(name))).text).not.toContain('theirs');
    expect((await ask(streamPath(name), { key })).text).toContain('theirs');
    expect((await ask('/keys', { key })).json<{ data: readonly unknown[] }>().data).toHaveLength(1);
  });

  test('P-94 nobody makes a key that may do more than their own', async () => {
    const { key } = await makeKey({ scopes: ['keys:write', 'streams:read'] });
    const make = (body: Record<string, unknown>) =>
      ask('/keys', { method: 'POST', key, body: { name: 'conformance', expires_in: '30m', ...body } });
    const less = await make({ scopes: ['streams:read'] });
    expect(less.status).toBe(201);
    expect(less.json<{ data: MadeKey }>().data.key).toEqual(expect.any(String));
    for (const scopes of [['admin'], ['streams:write'], ['streams:read', 'projects:read']]) {
      expect([scopes, (await make({ scopes })).status]).toEqual([scopes, 403]);
    }
    expect((await make({ scopes: ['streams:read'], tenant: freshTenant() })).status).toBe(403);
  });

  test('P-95 a wrong credential is 401, a missing scope 403', async () => {
    expect((await ask('/v1/streams', { key: null })).status).toBe(401);
    expect((await ask('/v1/streams', { key: 'rdev_conformance_wrong' })).status).toBe(401);
    const { key } = await makeKey({ scopes: ['streams:read'] });
    expect((await ask(streamPath(freshName()), { method: 'PUT', key })).status).toBe(403);
    const open = `/projects/${target.project}/events?stream_id=cmd_none`;
    expect((await ask(open, { key: 'rdev_conformance_wrong' })).status).toBe(401);
  });

  test('P-96 a foreign host is 421, except for health', async () => {
    const headers = { host: 'conformance.invalid' };
    expect((await ask('/v1/streams', { headers })).status).toBe(421);
    expect((await ask('/health/live', { headers, key: null })).status).toBe(200);
  });
});
