import { type Link, leave } from './link.ts';

const LOOK_MS = 500;

/** Ends this process when it takes more memory than it may: a picture can be small on its way and huge here. */
export function watchMemory(link: Link, memoryBytes: number): void {
  setInterval(() => {
    if (process.memoryUsage.rss() <= memoryBytes) return;
    const message = `Its process took more than ${Math.round(memoryBytes / 2 ** 20)} MiB of memory.`;
    link.tell({ type: 'ended', end: { kind: 'died', message } });
    void link.drained().then(() => setImmediate(leave));
  }, LOOK_MS);
}
