import { createDirectLauncher } from '../../../launcher/direct/direct-launcher.ts';
import { systemClock } from '../../../runtime/clock.ts';
import { SILENT } from './browsers.fixture.ts';
import { BROWSER_DEFAULTS } from './browser-settings.ts';
import { createBrowsers } from './create-browsers.ts';

/**
 * A server that is going to be killed: opens a browser in the folder that it is given, with a warm one beside it, and
 * says what remains of it, as a session does in its record. It never ends by itself.
 */
const [folder = '', cache = '', program] = process.argv.slice(2);
const browsers = createBrowsers({
  launcher: createDirectLauncher(),
  clock: systemClock,
  logger: SILENT,
  settings: { ...BROWSER_DEFAULTS, warm: 1, program, path: process.env['PATH'] ?? '', folder, cache },
});
const opened = await browsers.open({
  profile: null,
  viewport: { width: 800, height: 600, scale: 1 },
  proxy: null,
  downloads: { folder: null, maxBytes: 0, totalBytes: 0 },
  tell: () => undefined,
});
process.stdout.write(`${JSON.stringify(opened.kind === 'opened' ? opened.browser.remains : opened)}\n`);
setInterval(() => undefined, 60_000);
