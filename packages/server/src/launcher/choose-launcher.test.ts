import { expect, test } from 'vitest';
import { chooseLauncher } from './choose-launcher.ts';
import type { Confinement, Launcher } from './launcher.ts';

const named = (name: string): Launcher => ({
  name,
  launch: () => Promise.reject(new Error(name)),
  reap: () => Promise.resolve('gone'),
});
const free: Confinement = { root: '/project', sandboxed: false, offline: false };

function chosen(required: boolean, confinement?: Confinement, sandbox: Launcher | string = named('sandbox')) {
  const launcher = chooseLauncher({
    direct: named('direct'),
    sandbox: () => Promise.resolve(sandbox),
    required,
  });
  const spec = { argv: ['true'], cwd: '/project', env: {} } as const;
  return launcher.launch(confinement === undefined ? spec : { ...spec, confinement }).catch(String);
}

test('D-19 what must run in the sandbox never runs outside of it', async () => {
  expect(await chosen(false)).toBe('Error: direct');
  expect(await chosen(false, free)).toBe('Error: direct');
  expect(await chosen(false, { ...free, sandboxed: true })).toBe('Error: sandbox');
  expect(await chosen(true)).toBe('Error: sandbox');
  expect(await chosen(true, free)).toBe('Error: sandbox');
  expect(await chosen(false, { ...free, sandboxed: true }, 'Install it.')).toContain('Install it.');
  expect(await chosen(true, free, 'Install it.')).toContain('Install it.');
});

test('what must have no network does not run where it would have one', async () => {
  expect(await chosen(false, { ...free, offline: true })).toContain('network');
  expect(await chosen(false, { ...free, sandboxed: true, offline: true })).toBe('Error: sandbox');
});
