import { expect, test } from 'vitest';
import { manualClock } from '../../../runtime/manual-clock.ts';
import type { Refusal } from '../browser-action.ts';
import { type Actions, createActions } from './actions.ts';
import { CdpFailure } from './cdp.ts';

const refuse = (reason: Refusal['reason'], detail: string): Refusal => ({ kind: 'refused', reason, detail });

function actions(clock = manualClock(), blocked?: Refusal): Actions {
  return createActions({
    clock,
    blocked: () => blocked,
    explain: ({ reason, message }) => refuse(reason === 'gone' ? 'tab-closed' : 'failed', message),
    refuse,
    watch: () => ({ [Symbol.dispose]: () => undefined }),
  });
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const OPTIONS = { watched: true };

test('actions are done one behind the other', async () => {
  const { run } = actions();
  const log: string[] = [];
  const first = Promise.withResolvers<string>();
  const results = [
    run(() => {
      log.push('first');
      return first.promise;
    }, OPTIONS),
    run(() => {
      log.push('second');
      return Promise.resolve('2');
    }, OPTIONS),
  ];
  await turn();
  expect(log).toEqual(['first']);
  first.resolve('1');
  expect(await Promise.all(results)).toEqual(['1', '2']);
});

test('time that is up, an abort and a cut are answers, and let the next begin', async () => {
  const clock = manualClock();
  const { run, cut } = actions(clock);
  let over = false;
  const late = run(
    async (turn) => {
      await new Promise<void>((resolve) => clock.after(500, resolve));
      over = turn.over;
      return 'done';
    },
    { watched: true, timeoutMs: 100 },
  );
  await turn();
  clock.advance(100);
  expect(await late).toMatchObject({ reason: 'timed-out' });
  const controller = new AbortController();
  const aborted = run(() => new Promise<string>(() => undefined), {
    watched: true,
    signal: controller.signal,
  });
  await turn();
  controller.abort();
  expect(await aborted).toMatchObject({ reason: 'aborted' });
  const cutOff = [0, 1].map(() => run(() => new Promise<string>(() => undefined), OPTIONS));
  await turn();
  cut(refuse('page-crashed', ''));
  expect(await Promise.all(cutOff)).toMatchObject([{ reason: 'page-crashed' }, { reason: 'page-crashed' }]);
  clock.advance(500);
  await turn();
  expect(over).toBe(true);
  expect(await run(() => Promise.resolve('next'), OPTIONS)).toBe('next');
});

test('one that is given up while it waits is never begun, and lets nobody past it', async () => {
  const { run } = actions();
  const first = Promise.withResolvers<string>();
  const log: string[] = [];
  const one = run(() => first.promise, OPTIONS);
  const controller = new AbortController();
  const two = run(
    () => {
      log.push('two');
      return Promise.resolve('2');
    },
    { watched: true, signal: controller.signal },
  );
  const three = run(() => {
    log.push('three');
    return Promise.resolve('3');
  }, OPTIONS);
  controller.abort();
  expect(await two).toMatchObject({ reason: 'aborted' });
  await turn();
  expect(log).toEqual([]);
  first.resolve('1');
  expect(await Promise.all([one, three])).toEqual(['1', '3']);
  expect(log).toEqual(['three']);
});

test('what the browser refuses is an answer, what is blocked is not begun, and too many are refused', async () => {
  const failing = actions();
  expect(await failing.run(() => Promise.reject(new CdpFailure('gone', 'x')), OPTIONS)).toMatchObject({
    reason: 'tab-closed',
  });
  await expect(failing.run(() => Promise.reject(new TypeError('a fault of ours')), OPTIONS)).rejects.toThrow(
    TypeError,
  );
  const blocked = actions(manualClock(), refuse('page-crashed', ''));
  expect(await blocked.run(() => Promise.resolve(''), OPTIONS)).toMatchObject({ reason: 'page-crashed' });
  const many = actions();
  const waiting = Array.from({ length: 257 }, () =>
    many.run(() => new Promise<string>(() => undefined), OPTIONS),
  );
  expect(await waiting.at(-1)).toMatchObject({ reason: 'too-many-actions' });
  many.cut(refuse('browser-gone', ''));
  await Promise.all(waiting);
});
