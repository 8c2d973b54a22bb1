import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startChild } from '../child.ts';
import { interleave, median } from '../interleave.ts';
import { playheadEnvironment, READY, serveCommand } from '../playhead.ts';
import type { Settings } from '../scenario.ts';
import type { Row } from '../table.ts';

const TARGET = 1000;
const root = fileURLToPath(new URL('../../../', import.meta.url));
const environment = { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '' };

/** From spawning to the line that says it is ready, on a new data folder and on one that was used before. */
export async function start(settings: Settings): Promise<readonly Row[]> {
  settings.note('start');
  const used = await mkdtemp(join(settings.folder, 'used-'));
  await startup(serveCommand, used);
  const fresh = (): Promise<string> => mkdtemp(join(settings.folder, 'fresh-'));
  const results = await interleave(
    {
      'playhead serve, new data folder': async () => startup(serveCommand, await fresh()),
      'playhead serve, used data folder': () => startup(serveCommand, used),
      'npm start, new data folder': async () => startup(['npm', 'start'], await fresh()),
      'npm start, used data folder': () => startup(['npm', 'start'], used),
    },
    settings.quick ? 3 : 7,
  );
  return Object.entries(results).map(([what, times]) => ({
    what,
    playhead: `${median(times).toFixed(0)} ms`,
    target: `< ${TARGET} ms`,
    met: median(times) < TARGET,
  }));
}

async function startup(argv: readonly string[], data: string): Promise<number> {
  await using child = await startChild({
    argv,
    cwd: root,
    env: { ...environment, ...playheadEnvironment(data) },
    ready: READY,
  });
  return child.startup;
}
