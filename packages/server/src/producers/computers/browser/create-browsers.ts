import { PlayheadError } from '@playhead/protocol';
import type { Launcher } from '../../../launcher/launcher.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { Logger } from '../../../runtime/logger.ts';
import type { BrowserOptions, Browsers } from '../browser.ts';
import type { StartOptions } from './browser-arguments.ts';
import type { BrowserSettings } from './browser-settings.ts';
import type { ChromiumBrowser } from './chromium-browser.ts';
import { createStarter } from './start-browser.ts';
import { createWarmPool } from './warm-pool.ts';
import { workFolders } from './work-folders.ts';

export interface BrowsersParts {
  /** One that gives channels. */
  readonly launcher: Launcher;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: BrowserSettings;
}

/** Browsers of a Chrome or Chromium on this machine. */
export function createBrowsers(parts: BrowsersParts): Browsers {
  const { launcher, clock, settings } = parts;
  const folders = workFolders(settings.folder);
  const start = createStarter({ ...parts, folders });
  const running = new Set<ChromiumBrowser>();
  const opening = new Set<Promise<unknown>>();
  let over = false;

  const pool = createWarmPool<ChromiumBrowser>({
    ...{ clock, size: settings.warm, idleMs: settings.warmIdleMs },
    async start(kind) {
      const started = await start({ options: JSON.parse(kind) as StartOptions, profile: null });
      return started.kind === 'started' ? started.browser : undefined;
    },
  });

  function lend(browser: ChromiumBrowser, options: BrowserOptions): ChromiumBrowser {
    running.add(browser);
    void browser.ended.then(() => running.delete(browser));
    browser.adopt(options);
    return browser;
  }

  async function open(options: BrowserOptions): ReturnType<Browsers['open']> {
    const fixed = startOptions(options);
    const kind = warmKind(options, fixed);
    const warm = kind === undefined ? undefined : pool.take(kind);
    const started =
      warm === undefined
        ? await start({
            ...{ options: fixed, profile: options.profile },
            ...(options.signal === undefined ? {} : { signal: options.signal }),
          })
        : ({ kind: 'started', browser: warm } as const);
    if (started.kind !== 'started') return started;
    const browser = lend(started.browser, options);
    if (kind !== undefined) pool.want(kind);
    return { kind: 'opened', browser };
  }

  return {
    async open(options) {
      if (over) throw new PlayheadError('draining', 'The server is going away. Try again.');
      checkOptions(options);
      const opened = open(options);
      opening.add(opened);
      return await opened.finally(() => opening.delete(opened));
    },
    async reap({ process, folder }) {
      const reaped = await launcher.reap(process);
      await folders.remove(folder);
      return reaped;
    },
    sweep: () => folders.sweep(),
    async [Symbol.asyncDispose]() {
      over = true;
      await Promise.allSettled(opening);
      await Promise.all([
        pool[Symbol.asyncDispose](),
        ...[...running].map((browser) => browser[Symbol.asyncDispose]()),
      ]);
    },
  };
}

function startOptions({ viewport, proxy, userAgent, locale, timezone }: BrowserOptions): StartOptions {
  return {
    viewport,
    proxy: proxy === null ? null : { server: proxy.server },
    userAgent: userAgent ?? null,
    locale: locale ?? null,
    timezone: timezone ?? null,
  };
}

/** What a warm browser must have been started with; undefined: none will do. The viewport can be changed later. */
function warmKind({ profile }: BrowserOptions, fixed: StartOptions): string | undefined {
  if (profile !== null || fixed.userAgent !== null || fixed.locale !== null || fixed.timezone !== null)
    return undefined;
  return JSON.stringify({ ...fixed, viewport: WARM_VIEWPORT });
}

const WARM_VIEWPORT = { width: 1280, height: 720, scale: 1 };
const USER_AGENT_MAX = 1_024;

/** They become arguments and environment of a program. */
function checkOptions(options: BrowserOptions): void {
  const { userAgent, locale, timezone } = startOptions(options);
  if (userAgent !== null && (userAgent.length > USER_AGENT_MAX || !/^[\x20-\x7e]+$/.test(userAgent)))
    throw new PlayheadError('invalid-request', 'A user agent is up to 1,024 printable ASCII characters.');
  if (locale !== null && !isLocale(locale))
    throw new PlayheadError('invalid-request', 'A locale is a language tag such as de-CH.');
  if (timezone !== null && !isTimezone(timezone))
    throw new PlayheadError('invalid-request', 'A time zone has a name such as Europe/Zurich.');
}

function isLocale(text: string): boolean {
  try {
    return Intl.getCanonicalLocales(text).length === 1;
  } catch {
    // RangeError: it is not a tag.
    return false;
  }
}

function isTimezone(text: string): boolean {
  return text === 'UTC' || Intl.supportedValuesOf('timeZone').includes(text);
}
