import { setTimeout as delay } from 'node:timers/promises';
import { createDirectLauncher } from '../../../packages/server/src/launcher/direct/direct-launcher.ts';
import type { Launcher } from '../../../packages/server/src/launcher/launcher.ts';
import {
  browserArguments,
  browserEnvironment,
} from '../../../packages/server/src/producers/computers/browser/browser-arguments.ts';
import type { Capture } from '../../../packages/server/src/producers/computers/capture.ts';
import { startBareBrowser } from '../bare-browser.ts';
import { animatedPage, benchBrowsers, benchProgram, openBrowser, QUALITY, SIZE } from '../bench-browsers.ts';
import { interleave, median, pairwiseRatio } from '../interleave.ts';
import type { Settings } from '../scenario.ts';
import type { Row } from '../table.ts';

const RATE_TARGET = 0.95;
const AGE_TARGET = 5;
const WARM_UP_MS = 1_000;

interface Filmed {
  /** Frames per second. */
  readonly rate: number;
  /** From the bytes of a frame in our process to whoever films, ms. */
  readonly ages: readonly number[];
}

/** One animated page, filmed through Playhead's browser layer and by a bare client of the protocol. */
export async function screencast(settings: Settings): Promise<readonly Row[]> {
  settings.note('screencast');
  const { program, env, source } = await benchProgram(settings.folder);
  await using page = await animatedPage();
  const ms = settings.quick ? 3_000 : 10_000;
  const { playhead, bare } = await interleave(
    {
      playhead: () =>
        filmWithPlayhead(settings.folder, source === 'packed' ? 'packed' : program, page.url, ms),
      bare: () => filmBare([program, settings.folder, env], page.url, ms),
    },
    settings.quick ? 5 : 9,
  );
  const rates = (films: readonly Filmed[]): readonly number[] => films.map(({ rate }) => rate);
  for (const rate of [...rates(playhead), ...rates(bare)])
    if (rate === 0) throw new Error('A film without a frame measures nothing.');
  const ratio = pairwiseRatio(rates(playhead), rates(bare));
  const age = median(playhead.flatMap(({ ages }) => ages));
  return [
    {
      what: 'screencast, 1280×720, quality 60, animated',
      playhead: `${median(rates(playhead)).toFixed(1)} frames/s`,
      peer: `bare client: ${median(rates(bare)).toFixed(1)} frames/s`,
      ratio,
      target: `≥ ${RATE_TARGET}`,
      met: ratio >= RATE_TARGET,
    },
    {
      what: 'from the bytes of a frame to whoever films, median',
      playhead: `${age.toFixed(2)} ms`,
      target: `< ${AGE_TARGET} ms`,
      met: age < AGE_TARGET,
    },
  ];
}

async function filmWithPlayhead(folder: string, program: string, url: string, ms: number): Promise<Filmed> {
  const clock = { last: 0 };
  await using browsers = benchBrowsers(folder, program, { launcher: stamping(clock) });
  const browser = await openBrowser(browsers);
  await browser.act({ type: 'navigate', url });
  const held: { capture?: Capture } = {};
  let ages: number[] = [];
  const outcome = await browser.capture(browser.mainTab, {
    ...{ maxWidth: SIZE.width, maxHeight: SIZE.height, quality: QUALITY },
    arrived(frame) {
      ages.push(performance.now() - clock.last);
      // Whoever films takes each at once, as the fastest viewer does.
      queueMicrotask(() => held.capture?.ack(frame));
    },
  });
  if (outcome.kind !== 'capturing') throw new Error(outcome.detail);
  held.capture = outcome.capture;
  if (outcome.capture.newest !== undefined) outcome.capture.ack(outcome.capture.newest);
  await delay(WARM_UP_MS);
  ages = [];
  const began = performance.now();
  await delay(ms);
  return { rate: (ages.length / (performance.now() - began)) * 1_000, ages };
}

async function filmBare(
  [program, folder, env]: readonly [string, string, Readonly<Record<string, string>>],
  url: string,
  ms: number,
): Promise<Filmed> {
  const options = {
    viewport: { ...SIZE, scale: 1 },
    proxy: null,
    userAgent: null,
    locale: null,
    timezone: null,
  };
  const place = { profile: '', sandbox: false, sharedMemory: true, heapBytes: 2 ** 30 };
  // The same browser in every respect: only what listens to it differs.
  const args = browserArguments(options, place).filter(
    (argument) => !argument.startsWith('--user-data-dir') && argument !== 'about:blank',
  );
  await using browser = await startBareBrowser(
    [program, ...args],
    folder,
    browserEnvironment(options, folder, env),
  );
  let frames = 0;
  // Before it navigates: what begins to film while a page is put in place has no frames.
  await browser.film(() => {
    frames++;
  });
  await browser.navigate(url);
  await delay(WARM_UP_MS);
  frames = 0;
  const began = performance.now();
  await delay(ms);
  return { rate: (frames / (performance.now() - began)) * 1_000, ages: [] };
}

/** A launcher that notes when bytes of a browser arrive, before anybody looks at them. */
function stamping(clock: { last: number }): Launcher {
  const direct = createDirectLauncher();
  return {
    ...direct,
    async launch(spec) {
      const running = await direct.launch(spec);
      running.channel?.output.on('data', () => {
        clock.last = performance.now();
      });
      return running;
    },
  };
}
