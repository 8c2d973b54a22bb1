import { spawnSync } from 'node:child_process';

/**
 * Makes the local terminal pass everything through, both ways, until disposed; nothing where stdin is no terminal.
 * However the process ends (but for SIGKILL), the terminal is given back as it was: on exit at the latest.
 */
export function rawTerminal(): Disposable {
  const { stdin } = process;
  if (!stdin.isTTY) return { [Symbol.dispose]: () => undefined };
  const restore = (): void => void stdin.setRawMode(false);
  const raw = (): void => {
    stdin.setRawMode(true);
    // Node leaves on that LF becomes CR LF, which tears what a full-screen program draws. Restoring undoes it too.
    spawnSync('stty', ['-opost'], { stdio: ['inherit', 'ignore', 'ignore'] });
  };
  // Whoever stopped and continued the process may have set the terminal for itself meanwhile.
  const continued = (): void => {
    restore();
    raw();
  };
  process.on('exit', restore);
  process.on('SIGCONT', continued);
  raw();
  return {
    [Symbol.dispose]() {
      process.off('exit', restore);
      process.off('SIGCONT', continued);
      restore();
    },
  };
}
