import { expect, test } from 'vitest';
import { Refusal } from './client.ts';
import { EXIT } from './exit-code.ts';
import { Failure } from './failure.ts';
import { retried } from './retried.ts';

const signal = new AbortController().signal;
const unreachable = new Failure(EXIT.unreachable, 'away');
const refused = (status: number): Refusal => new Refusal(status, 'x', 'x', {});

function failing(...errors: readonly Error[]): () => Promise<number> {
  let calls = 0;
  return () => {
    const error = errors[calls++];
    return error === undefined ? Promise.resolve(calls) : Promise.reject(error);
  };
}

test('what may pass is tried again, and told once', async () => {
  const told: boolean[] = [];
  const attempt = failing(unreachable, refused(503), refused(429));
  expect(
    await retried(attempt, { patienceMs: 60_000, signal, changed: (working) => told.push(working) }),
  ).toBe(4);
  expect(told).toEqual([false, true]);
});

test('what no repetition mends is thrown at once', async () => {
  for (const error of [
    refused(400),
    refused(409),
    refused(501),
    new Failure(EXIT.failed, 'x'),
    new Error('bug'),
  ]) {
    await expect(retried(failing(error), { patienceMs: 60_000, signal })).rejects.toBe(error);
  }
});

test('patience ends, and so does a caller that leaves', async () => {
  await expect(retried(failing(unreachable, unreachable), { patienceMs: 0, signal })).rejects.toBe(
    unreachable,
  );
  const left = new AbortController();
  const waiting = retried(failing(unreachable), { patienceMs: 60_000, signal: left.signal });
  left.abort();
  await expect(waiting).rejects.toThrow();
});
