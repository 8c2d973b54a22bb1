import { expect, test } from 'vitest';
import { createGuard } from '../../outgoing/create-guard.ts';
import { manualClock } from '../../runtime/manual-clock.ts';
import { NO_NETWORKS } from '../../runtime/network-list.ts';
import { webhookUrlProblem } from './webhook-url.ts';

function guard(allowPrivate: boolean): ReturnType<typeof createGuard> {
  return createGuard({
    clock: manualClock(),
    allowPrivate,
    allowed: NO_NETWORKS,
    resolveMs: 1_000,
    resolve: (host) =>
      host === 'inside.example'
        ? Promise.resolve(['10.0.0.9'])
        : host === 'localhost'
          ? Promise.resolve(['127.0.0.1'])
          : host === 'outside.example'
            ? Promise.resolve(['93.184.215.14'])
            : Promise.reject(new Error('no such name')),
    ownAddresses: () => [],
  });
}

test.each([
  ['https://outside.example/hook', true, true],
  ['https://unknown.example/hook', true, true],
  ['http://outside.example/hook', false, false],
  ['https://inside.example/hook', false, true],
  ['http://inside.example/hook', false, false],
  ['https://10.0.0.1/hook', false, true],
  ['http://10.0.0.1/hook', false, false],
  ['http://127.0.0.1:3000/hook', false, true],
  ['http://localhost:3000/hook', false, true],
  ['http://[::1]:3000/hook', false, true],
  ['http://2130706433:3000/hook', false, true],
  ['https://[::ffff:127.0.0.1]/hook', false, false],
  ['https://169.254.169.254/latest', false, false],
  ['http://169.254.169.254/latest', false, false],
  ['https://outside.example:25/', false, false],
  ['https://user:secret@outside.example/', false, false],
  ['https://outside.example/#part', false, false],
  ['http://127.0.0.1.outside.example/', false, false],
  ['http://localhost.outside.example/', false, false],
  ['ftp://outside.example/', false, false],
  ['file:///etc/passwd', false, false],
  ['//outside.example', false, false],
  ['', false, false],
  [`https://outside.example/${'a'.repeat(2_100)}`, false, false],
])('P-264 D-22 %s may be a webhook: %s, with private networks open: %s', async (url, closed, open) => {
  expect((await webhookUrlProblem(url, guard(false))) === undefined).toBe(closed);
  expect((await webhookUrlProblem(url, guard(true))) === undefined).toBe(open);
});
