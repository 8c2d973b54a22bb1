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
      '/chats/a',
      '/api/v1/a',
    ]) {
      const { body } = shapeError(path, new PlayheadError(code, 'why'), 'req_1', 0);
      expect(JSON.parse(body), `${code} ${path}`).toBeTypeOf('object');
      expect(body).toContain('why');
    }
  }
});

test('SDKs are told not to retry what cannot succeed, where they would by themselves', () => {
  for (const code of codes) {
    const { status, retry } = PROBLEMS[code];
    const headers = errorHeaders(new PlayheadError(code, 'why'));
    expect(headers.includes('x-should-retry'), code).toBe(!retry && status >= 409);
  }
});
