import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/**
 * Whether the browser can confine its pages with its own sandbox. `off`: not on this machine, so that it is started
 * without; then a fault in the browser is all that is between a page and what the server's user may do.
 */
export type SandboxState = { readonly kind: 'on' } | { readonly kind: 'off'; readonly reason: string };

export async function sandboxState(program: string): Promise<SandboxState> {
  if (process.platform !== 'linux') return { kind: 'on' };
  if (process.getuid?.() === 0) return { kind: 'off', reason: 'the server runs as root' };
  if (await hasHelper(program)) return { kind: 'on' };
  if (await makesNamespaces()) return { kind: 'on' };
  return { kind: 'off', reason: 'this user may not make user namespaces' };
}

/** The set-user-ID helper that Chrome's packages install. */
async function hasHelper(program: string): Promise<boolean> {
  const found = await stat(join(dirname(program), 'chrome-sandbox')).catch(() => undefined);
  return found !== undefined && found.uid === 0 && (found.mode & 0o4000) !== 0;
}

/** By making one. Where there is no program to try it with, it is taken for impossible. */
function makesNamespaces(): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(
      'unshare',
      ['--user', '--map-root-user', '--pid', '--fork', 'true'],
      { timeout: 5_000 },
      (error) => resolve(error === null),
    );
  });
}
