import { PlayheadError, PROBLEMS, type ProblemCode } from '@playhead/protocol';
import { expect, test } from 'vitest';
import { errorHeaders, shapeError } from './error-shape.ts';

const codes = Object.keys(PROBLEMS) as ProblemCode[];

test('D-25 every code has a body in every shape, and it is an object', () => {
  for (const code of codes) {
    for (const path of [
      '/v1/streams/a/b',
      '/projects/a',
      '/keys',
      '/computers',
      '/v1/computers/a',
      '/agent/tasks',
      '/chats/a',
      '/api/v1/a',
      '/v1/stream/__ds/a',
    ]) {
      const { body } = shapeError(path, new PlayheadError(code, 'why'), 'req_1', 0);
      expect(JSON.parse(body), `${code} ${path}`).toBeTypeOf('object');
      expect(body).toContain('why');
    }
  }
});

test('P-284 errors of subscriptions have the words of their protocol', () => {
  const extensions = { reason: 'ALREADY_CLAIMED', current_holder: 'w', generation: 7 };
  const claimed = shapeError(
    '/v1/stream/__ds/subscriptions/s/claim',
    new PlayheadError('conflict', 'why', { extensions }),
    'r',
    0,
  );
  expect(JSON.parse(claimed.body)).toEqual({
    error: { code: 'ALREADY_CLAIMED', message: 'why', current_holder: 'w', generation: 7 },
  });
  const invalid = shapeError('/v1/stream/__ds', new PlayheadError('invalid-request', 'why'), 'r', 0);
  expect(JSON.parse(invalid.body)).toEqual({ error: { code: 'INVALID_REQUEST', message: 'why' } });
  expect(shapeError('/v1/stream/__dsx', new PlayheadError('conflict', 'why'), 'r', 0).contentType).toBe(
    'application/problem+json',
  );
});

test('SDKs are told not to retry what cannot succeed, where they would by themselves', () => {
  for (const code of codes) {
    const { status, retry } = PROBLEMS[code];
    const headers = errorHeaders(new PlayheadError(code, 'why'));
    expect(headers.includes('x-should-retry'), code).toBe(!retry && status >= 409);
  }
});
