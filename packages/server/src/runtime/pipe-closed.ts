import type { Readable } from 'node:stream';

/**
 * Resolves once a pipe is closed, which it may be already: one that brought nothing ends by itself, whether anybody listens
 * or not, and between the launch and whoever reads lies what a sandbox takes to say that it has begun.
 */
export function pipeClosed(pipe: Readable): Promise<void> {
  return pipe.closed ? Promise.resolve() : new Promise((resolve) => pipe.once('close', resolve));
}
