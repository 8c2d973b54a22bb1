import { describe, expect, test } from 'vitest';
import { ask, expectProblem } from '../ask.ts';
import { freshName, makeStream, post, streamPath } from '../streams.ts';
import { target } from '../target.ts';

describe('7 Errors', () => {
  test('P-81 an error is a problem document with a code', async () => {
    const missing = expectProblem(await ask(streamPath(freshName())), 404, 'stream-not-found');
    expect(missing['request_id']).toEqual(expect.any(String));
    const name = await makeStream();
    const json = { 'content-type': 'application/json' };
    expectProblem(
      await ask(streamPath(name), { method: 'POST', body: '{', headers: json }),
      400,
      'invalid-json',
    );
    expectProblem(await ask('/v1/none'), 404, 'not-found');
    expectProblem(await ask(streamPath(name), { method: 'PATCH' }), 405, 'method-not-allowed');
  });

  test('P-83 on /projects and /keys an error has an envelope, and the code as its reason', async () => {
    for (const [path, status] of [
      ['/projects/none-such/commands', 404],
      ['/keys/none', 404],
      [`/projects/${target.project}/commands/cmd_none`, 404],
    ] as const) {
      const answer = await ask(path);
      expect([path, answer.status]).toEqual([path, status]);
      expect(answer.json()).toMatchObject({
        error: {
          code: expect.stringMatching(/^[A-Z_]+$/) as string,
          message: expect.any(String) as string,
          details: { reason: expect.stringMatching(/^[a-z-]+$/) as string },
        },
        meta: { request_id: expect.any(String) as string, timestamp: expect.any(String) as string },
      });
    }
  });

  test('P-84 what a repetition cannot mend says so', async () => {
    const name = await makeStream();
    await post(name, { events: [], close: true });
    const closed = await post(name, { type: 'n', data: 1 });
    expect([closed.status, closed.headers['x-should-retry']]).toEqual([409, 'false']);
  });

  test('P-85 every answer names its request, and shows no cause of a fault', async () => {
    const paths = [
      '/v1/streams',
      '/v1/none',
      '/keys',
      '/projects',
      streamPath(freshName()),
      '/v1/streams?limit=x',
    ];
    const ids = new Set<unknown>();
    for (const path of paths) {
      const answer = await ask(path);
      ids.add(answer.headers['x-request-id']);
      expect(answer.text).not.toMatch(/\bat .*\.(?:ts|js):\d+/);
      expect(answer.text).not.toContain(target.key);
    }
    expect(ids.size).toBe(paths.length);
    expect([...ids].every((id) => typeof id === 'string')).toBe(true);
  });
});
