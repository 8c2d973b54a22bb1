import { createServer } from 'node:http';
import { join } from 'node:path';
import { createDirectLauncher } from '../../packages/server/src/launcher/direct/direct-launcher.ts';
import type { Launcher } from '../../packages/server/src/launcher/launcher.ts';
import { BROWSER_DEFAULTS } from '../../packages/server/src/producers/computers/browser/browser-settings.ts';
import { createBrowsers } from '../../packages/server/src/producers/computers/browser/create-browsers.ts';
import {
  type BrowserFound,
  findBrowser,
} from '../../packages/server/src/producers/computers/browser/find-browser.ts';
import type { Browser, Browsers } from '../../packages/server/src/producers/computers/browser.ts';
import { systemClock } from '../../packages/server/src/runtime/clock.ts';

/** The size of the films that are measured. */
export const SIZE = { width: 1280, height: 720 } as const;
export const QUALITY = 60;

/** The browser that is measured: the one of PLAYHEAD_BROWSER, else what computers would be made of. */
export async function benchProgram(folder: string): Promise<Extract<BrowserFound, { kind: 'found' }>> {
  const found = await findBrowser({
    wanted: process.env['PLAYHEAD_BROWSER'],
    path: process.env['PATH'] ?? '',
    cache: join(folder, 'cache'),
  });
  if (found.kind === 'none') throw new Error(found.detail);
  return found;
}

export function benchBrowsers(
  folder: string,
  program: string,
  { warm = 0, launcher = createDirectLauncher() }: { warm?: number; launcher?: Launcher } = {},
): Browsers {
  const silent = { debug() {}, info() {}, warn() {}, error() {} };
  return createBrowsers({
    launcher,
    clock: systemClock,
    logger: silent,
    settings: {
      ...BROWSER_DEFAULTS,
      ...{ warm, program, path: process.env['PATH'] ?? '' },
      ...{ folder: join(folder, 'browsers'), cache: join(folder, 'cache') },
    },
  });
}

export async function openBrowser(browsers: Browsers): Promise<Browser> {
  const opened = await browsers.open({
    profile: null,
    viewport: { ...SIZE, scale: 1 },
    proxy: null,
    downloads: { folder: null, maxBytes: 0, totalBytes: 0 },
    tell: () => undefined,
  });
  if (opened.kind !== 'opened') throw new Error(opened.detail);
  return opened.browser;
}

/** A page of which every frame differs from the last, all over. */
export async function animatedPage(): Promise<AsyncDisposable & { readonly url: string }> {
  const page = `<!doctype html><title>film</title><style>body{margin:0}</style><canvas id=c width=1280 height=720></canvas>
<script>const x=c.getContext('2d');let n=0;function draw(){n++;x.fillStyle='hsl('+n%360+' 80% 50%)';
x.fillRect((n*7)%1280,0,200,720);x.fillStyle='#000';x.fillText('frame '+n,20,20);requestAnimationFrame(draw)}draw()</script>`;
  const server = createServer((_request, response) =>
    response.writeHead(200, { 'content-type': 'text/html' }).end(page),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : 0}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
