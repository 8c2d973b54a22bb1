import { expect, test } from 'vitest';
import { pipeClosed } from '../../runtime/pipe-closed.ts';
import { createDirectLauncher } from './direct-launcher.ts';

test('a pipe that ended before anybody listened is closed; one with something in it is, once that was read', async () => {
  const launcher = createDirectLauncher();
  const child = await launcher.launch({ argv: ['/bin/sh', '-c', 'echo done'], cwd: '/', env: {} });
  await child.exited;
  await expect.poll(() => child.stderr.closed, { timeout: 20_000 }).toBe(true);
  await pipeClosed(child.stderr);
  expect(child.stdout.closed).toBe(false);
  let text = '';
  child.stdout.on('data', (bytes: Buffer) => (text += bytes.toString()));
  await pipeClosed(child.stdout);
  expect(text).toBe('done\n');
});
