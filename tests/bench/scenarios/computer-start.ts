import { browserEnvironment } from '../../../packages/server/src/producers/computers/browser/browser-arguments.ts';
import type { Browsers } from '../../../packages/server/src/producers/computers/browser.ts';
import { startBareBrowser } from '../bare-browser.ts';
import { benchBrowsers, benchProgram, openBrowser, QUALITY, SIZE } from '../bench-browsers.ts';
import { interleave, median, pairwiseRatio } from '../interleave.ts';
import { whenQuiet } from '../quiet.ts';
import type { Settings } from '../scenario.ts';
import type { Row } from '../table.ts';

const RATIO_TARGET = 1.3;
const WARM_TARGET = 100;

/** From asking for a browser to its first frame: cold, from the warm pool, and a bare launch. */
export async function computerStart(settings: Settings): Promise<readonly Row[]> {
  settings.note('computer-start');
  const { program, env, source } = await benchProgram(settings.folder);
  const ours = source === 'packed' ? 'packed' : program;
  await using cold = benchBrowsers(settings.folder, ours);
  // The first of all looks for the program, and reads it from the disk.
  await untilFirstFrame(cold);
  const { playhead, bare } = await interleave(
    {
      playhead: () => untilFirstFrame(cold),
      bare: () => bareFirstFrame(program, settings.folder, env),
    },
    settings.quick ? 7 : 15,
  );
  const ratio = pairwiseRatio(playhead, bare);
  const warm = await fromPool(settings, ours);
  return [
    {
      what: 'a computer, from create to its first frame',
      playhead: `${median(playhead).toFixed(0)} ms`,
      peer: `bare launch: ${median(bare).toFixed(0)} ms`,
      ratio,
      target: `≤ ${RATIO_TARGET}`,
      met: ratio <= RATIO_TARGET,
    },
    {
      what: 'the same from the warm pool',
      playhead: `${median(warm).toFixed(0)} ms`,
      target: `< ${WARM_TARGET} ms`,
      met: warm.length > 0 && median(warm) < WARM_TARGET,
    },
  ];
}

async function untilFirstFrame(browsers: Browsers): Promise<number> {
  const began = performance.now();
  const browser = await openBrowser(browsers);
  const first = Promise.withResolvers<number>();
  const outcome = await browser.capture(browser.mainTab, {
    ...{ maxWidth: SIZE.width, maxHeight: SIZE.height, quality: QUALITY },
    arrived: () => first.resolve(performance.now() - began),
  });
  if (outcome.kind !== 'capturing') throw new Error(outcome.detail);
  const took = await first.promise;
  await browser[Symbol.asyncDispose]();
  return took;
}

/** One is kept ready, and given time to be before the next is asked for. */
async function fromPool(settings: Settings, program: string): Promise<readonly number[]> {
  await using browsers = benchBrowsers(settings.folder, program, { warm: 1 });
  await untilFirstFrame(browsers);
  const took: number[] = [];
  for (let round = 0; round < (settings.quick ? 7 : 15); round++) {
    const time = await whenQuiet(async () => {
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      return untilFirstFrame(browsers);
    });
    took.push(time);
  }
  return took;
}

async function bareFirstFrame(
  program: string,
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<number> {
  const options = {
    viewport: { ...SIZE, scale: 1 },
    proxy: null,
    userAgent: null,
    locale: null,
    timezone: null,
  };
  await using browser = await startBareBrowser(
    [
      program,
      '--headless',
      '--no-sandbox',
      '--remote-debugging-pipe',
      '--no-first-run',
      '--window-size=1280,720',
    ],
    folder,
    browserEnvironment(options, folder, env),
  );
  const first = Promise.withResolvers<number>();
  await browser.film(() => first.resolve(performance.now() - browser.began));
  return await first.promise;
}
