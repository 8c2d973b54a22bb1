import { statfs } from 'node:fs/promises';
import { LaunchFailure, type Launcher } from '../../../launcher/launcher.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { Logger } from '../../../runtime/logger.ts';
import { browserArguments, browserEnvironment, type StartOptions } from './browser-arguments.ts';
import { type BrowserProcess, startProcess } from './browser-process.ts';
import type { BrowserSettings } from './browser-settings.ts';
import { CdpFailure } from './cdp.ts';
import { ChromiumBrowser } from './chromium-browser.ts';
import { type BrowserFound, findBrowser } from './find-browser.ts';
import { type SandboxState, sandboxState } from './sandbox-state.ts';
import type { WorkFolder, WorkFolders } from './work-folders.ts';

export interface StarterParts {
  readonly launcher: Launcher;
  readonly folders: WorkFolders;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: BrowserSettings;
}

export interface StartWish {
  readonly options: StartOptions;
  /** Absolute; null: one of its own. */
  readonly profile: string | null;
  readonly signal?: AbortSignal;
}

export type Started =
  | { readonly kind: 'started'; readonly browser: ChromiumBrowser }
  | { readonly kind: 'no-browser' | 'failed'; readonly detail: string };

export type StartBrowser = (wish: StartWish) => Promise<Started>;

/** What pictures of a page need of it, bytes: Docker gives 64 MiB unless it is told. */
const SHARED_MEMORY_NEEDED = 512 * 2 ** 20;

/** Starts browsers of the program that was found first; one that was not found is looked for again. */
export function createStarter(parts: StarterParts): StartBrowser {
  let ground: Promise<Ground> | undefined;
  return async (wish) => {
    ground ??= lookAround(parts);
    const here = await ground;
    if (here.found.kind === 'found') return start(parts, here, here.found, wish);
    ground = undefined;
    return { kind: 'no-browser', detail: here.found.detail };
  };
}

interface Ground {
  readonly found: BrowserFound;
  readonly sandbox: boolean;
  readonly sharedMemory: boolean;
}

async function lookAround({ settings, logger }: StarterParts): Promise<Ground> {
  const found = await findBrowser({
    wanted: settings.program,
    path: settings.path,
    cache: settings.cache,
  });
  if (found.kind === 'none') return { found, sandbox: false, sharedMemory: false };
  const state: SandboxState =
    settings.sandbox === 'off' ? { kind: 'off', reason: 'it is set so' } : await sandboxState(found.program);
  if (settings.sandbox !== 'on' && state.kind === 'off')
    logger.warn({ reason: state.reason }, "browsers run without a sandbox of Chromium's");
  return {
    found,
    sandbox: settings.sandbox === 'on' || state.kind === 'on',
    sharedMemory: await hasSharedMemory(),
  };
}

async function hasSharedMemory(): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  try {
    const { bavail, bsize } = await statfs('/dev/shm');
    return bavail * bsize >= SHARED_MEMORY_NEEDED;
  } catch {
    // There is none.
    return false;
  }
}

async function start(
  parts: StarterParts,
  { sandbox, sharedMemory }: Ground,
  found: Extract<BrowserFound, { kind: 'found' }>,
  { options, profile, signal }: StartWish,
): Promise<Started> {
  const { launcher, folders, clock, logger, settings } = parts;
  const folder = await folders.create();
  const place = {
    profile: profile ?? folder.profile,
    sandbox,
    sharedMemory,
    heapBytes: settings.pageBytes / 2,
  };
  let process: BrowserProcess;
  try {
    process = await startProcess(
      launcher,
      {
        argv: [found.program, ...browserArguments(options, place)],
        env: browserEnvironment(options, folder.path, found.env),
        cwd: folder.path,
      },
      clock,
    );
  } catch (error) {
    await folder.remove();
    if (!(error instanceof LaunchFailure)) throw error;
    logger.error({ reason: error.reason }, 'a browser could not be started');
    return { kind: 'failed', detail: 'The browser could not be started.' };
  }
  const browser = new ChromiumBrowser({
    ...{ process, folder, clock, settings, viewport: options.viewport },
    kept: profile !== null,
  });
  const problem = await comeUp(browser, parts, signal);
  if (problem === undefined) return { kind: 'started', browser };
  await browser[Symbol.asyncDispose]();
  logger.error({ problem, words: tail(process, folder) }, 'a browser did not come up');
  return { kind: 'failed', detail: problem };
}

/** Undefined once it takes actions. */
async function comeUp(
  browser: ChromiumBrowser,
  { clock, settings }: StarterParts,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const cut = Promise.withResolvers<string>();
  const abort = (): void => cut.resolve('It was given up before the browser had started.');
  if (signal?.aborted === true) abort();
  signal?.addEventListener('abort', abort, { once: true });
  using _timer = clock.after(settings.startMs, () => cut.resolve('The browser did not start in time.'));
  const ready = browser.ready().then(
    () => undefined,
    (error: unknown) => {
      if (error instanceof CdpFailure) return 'The browser ended while it started.';
      throw error;
    },
  );
  try {
    return await Promise.race([ready, cut.promise]);
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

/** Its last words, without the place where it ran. */
function tail(process: BrowserProcess, folder: WorkFolder): string {
  return process.words().replaceAll(folder.path, '').slice(-1_000);
}
