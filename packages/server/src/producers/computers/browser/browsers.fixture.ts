import { mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createDirectLauncher } from '../../../launcher/direct/direct-launcher.ts';
import { systemClock } from '../../../runtime/clock.ts';
import type { Logger } from '../../../runtime/logger.ts';
import type { Browser, BrowserOptions, Browsers } from '../browser.ts';
import type { BrowserEvent } from '../browser-event.ts';
import { BROWSER_DEFAULTS, type BrowserSettings } from './browser-settings.ts';
import { createBrowsers } from './create-browsers.ts';

/** Where the packed browser is unpacked for all tests of a run, and of later ones. */
export const CACHE: string = join(tmpdir(), `playhead-test-cache-${process.getuid?.() ?? 0}`);

export const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

export interface TestBrowsers extends AsyncDisposable {
  readonly browsers: Browsers;
  /** Where browsers write. */
  readonly folder: string;
  /** Files that were downloaded. */
  readonly downloads: string;
  open(options?: Partial<BrowserOptions>): Promise<Watched>;
  /** Names of work folders that are there. */
  workFolders(): Promise<readonly string[]>;
}

/** A browser, and what it told. */
export interface Watched {
  readonly browser: Browser;
  readonly told: BrowserEvent[];
  /** The next event that fits, those told before included, behind the one that was taken last of its type. */
  heard<T extends BrowserEvent['type']>(
    type: T,
    fits?: (event: Extract<BrowserEvent, { type: T }>) => boolean,
  ): Promise<Extract<BrowserEvent, { type: T }>>;
}

export async function testBrowsers(settings: Partial<BrowserSettings> = {}): Promise<TestBrowsers> {
  const root = await mkdtemp(join(tmpdir(), 'playhead-browsers-'));
  const folder = join(root, 'browsers');
  const downloads = join(root, 'downloads');
  await mkdir(downloads);
  const browsers = createBrowsers({
    launcher: createDirectLauncher(),
    clock: systemClock,
    logger: SILENT,
    settings: {
      ...BROWSER_DEFAULTS,
      warm: 0,
      program: process.env['PLAYHEAD_BROWSER'],
      path: process.env['PATH'] ?? '',
      folder,
      cache: CACHE,
      ...settings,
    },
  });
  return {
    browsers,
    folder,
    downloads,
    async open(options = {}) {
      const told: BrowserEvent[] = [];
      const taken = new Map<string, number>();
      let waiting: (() => void)[] = [];
      const opened = await browsers.open({
        profile: null,
        viewport: { width: 800, height: 600, scale: 1 },
        proxy: null,
        downloads: { folder: downloads, maxBytes: 1_000_000, totalBytes: 2_000_000 },
        ...options,
        tell(event) {
          told.push(event);
          options.tell?.(event);
          for (const resolve of waiting) resolve();
          waiting = [];
        },
      });
      if (opened.kind !== 'opened') throw new Error(`${opened.kind}: ${opened.detail}`);
      return {
        browser: opened.browser,
        told,
        async heard(type, fits = () => true) {
          for (let at = taken.get(type) ?? 0; ; at++) {
            while (at >= told.length) await new Promise<void>((resolve) => waiting.push(resolve));
            const event = told[at];
            if (event?.type !== type || !fits(event as Parameters<typeof fits>[0])) continue;
            taken.set(type, at + 1);
            return event as Parameters<typeof fits>[0];
          }
        },
      };
    },
    workFolders: () => readdir(folder).catch(() => []),
    async [Symbol.asyncDispose]() {
      await browsers[Symbol.asyncDispose]();
      await rm(root, { recursive: true, force: true });
    },
  };
}

export interface TestSite extends AsyncDisposable {
  /** `http://127.0.0.1:port`. */
  readonly url: string;
  readonly asked: string[];
}

type Page = string | ((request: IncomingMessage, response: ServerResponse) => void);

/** Pages by their path; what is not there is answered with 404. */
export async function testSite(pages: Readonly<Record<string, Page>>): Promise<TestSite> {
  const asked: string[] = [];
  const server: Server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0] ?? '/';
    asked.push(path);
    const page = pages[path];
    if (typeof page === 'function') {
      page(request, response);
      return;
    }
    response.writeHead(page === undefined ? 404 : 200, { 'content-type': 'text/html; charset=utf-8' });
    response.end(page ?? '<title>not here</title>');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new TypeError('It has no port.');
  return {
    url: `http://127.0.0.1:${address.port}`,
    asked,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** Processes whose command line or folder names this, by id. Zombies count for none. */
export async function processesNaming(text: string): Promise<readonly number[]> {
  const found: number[] = [];
  for (const name of await readdir('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const [line, state] = await Promise.all([
      readFile(`/proc/${name}/cmdline`, 'latin1').catch(() => ''),
      readFile(`/proc/${name}/stat`, 'latin1').catch(() => ') Z'),
    ]);
    if (line.includes(text) && !/\) Z/.test(state)) found.push(Number(name));
  }
  return found;
}
