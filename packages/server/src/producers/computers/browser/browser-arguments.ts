import { isIP } from 'node:net';
import type { BrowserProxy, Viewport } from '../browser.ts';

/** What of a browser is fixed when it starts. */
export interface StartOptions {
  readonly viewport: Viewport;
  readonly proxy: Pick<BrowserProxy, 'server'> | null;
  readonly userAgent: string | null;
  readonly locale: string | null;
  readonly timezone: string | null;
}

export interface StartPlace {
  /** Absolute. */
  readonly profile: string;
  readonly sandbox: boolean;
  /** Whether /dev/shm is large enough for its pictures. */
  readonly sharedMemory: boolean;
  /** Of one page's scripts, bytes. */
  readonly heapBytes: number;
}

/** Services of the browser itself that would talk to somebody, or stand in the way of a page. */
const FEATURES_OFF = [
  'AutofillServerCommunication',
  'CertificateTransparencyComponentUpdater',
  'DialMediaRouteProvider',
  'GlobalMediaControls',
  'HttpsUpgrades',
  'MediaRouter',
  'NetworkTimeServiceQuerying',
  'OptimizationHints',
  'Translate',
  // Back and forward then load anew: a page that is kept aside would be filmed, and heard, as the tab it is not.
  'BackForwardCache',
];

/** No proxy is asked for such a port: Chromium itself refuses it. */
const NOWHERE = 'http://127.0.0.1:1';

const ALWAYS = [
  '--headless',
  // Its two pipes are the only way in, and their end is its end.
  '--remote-debugging-pipe',
  '--no-first-run',
  '--no-default-browser-check',
  '--no-service-autorun',
  '--hide-scrollbars',
  '--mute-audio',
  '--password-store=basic',
  '--use-mock-keychain',
  // Nothing is asked of the network but what pages ask.
  '--disable-background-networking',
  '--disable-breakpad',
  '--disable-client-side-phishing-detection',
  '--disable-component-extensions-with-background-pages',
  '--disable-component-update',
  `--component-updater=url-source=${NOWHERE}/`,
  '--disable-crash-reporter',
  '--disable-default-apps',
  '--disable-domain-reliability',
  '--disable-extensions',
  '--disable-field-trial-config',
  '--disable-search-engine-choice-screen',
  '--disable-sync',
  '--allow-browser-signin=false',
  `--gaia-url=${NOWHERE}`,
  '--metrics-recording-only',
  '--no-pings',
  // A page behind others goes on as the one in front does.
  '--disable-background-timer-throttling',
  '--disable-backgrounding-occluded-windows',
  '--disable-renderer-backgrounding',
  // Nothing waits for an answer that nobody gives.
  '--deny-permission-prompts',
  '--disable-notifications',
  '--disable-print-preview',
  '--disable-prompt-on-repost',
];

/** What a browser is started with, behind its program. */
export function browserArguments(options: StartOptions, place: StartPlace): readonly string[] {
  const { viewport, proxy, userAgent, locale } = options;
  return [
    ...ALWAYS,
    `--disable-features=${FEATURES_OFF.join(',')}`,
    `--user-data-dir=${place.profile}`,
    `--window-size=${viewport.width},${viewport.height}`,
    `--js-flags=--max-old-space-size=${Math.floor(place.heapBytes / 2 ** 20)}`,
    ...(place.sandbox ? [] : ['--no-sandbox']),
    ...(place.sharedMemory ? [] : ['--disable-dev-shm-usage']),
    ...(userAgent === null ? [] : [`--user-agent=${userAgent}`]),
    ...(locale === null ? [] : [`--lang=${locale}`, `--accept-lang=${locale}`]),
    ...(proxy === null ? [] : throughProxy(proxy.server)),
    'about:blank',
  ];
}

/**
 * No way around the proxy: loopback too goes through it, nothing goes over UDP, and no name is resolved by the browser.
 */
function throughProxy(server: string): readonly string[] {
  const { hostname } = new URL(server);
  const itself = isIP(hostname) === 0 ? hostname : hostname.replaceAll(/[[\]]/g, '');
  return [
    `--proxy-server=${server}`,
    '--proxy-bypass-list=<-loopback>',
    `--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE ${itself}`,
    '--disable-quic',
    '--dns-prefetch-disable',
    '--force-webrtc-ip-handling-policy=disable_non_proxied_udp',
    '--webrtc-ip-handling-policy=disable_non_proxied_udp',
  ];
}

/** The environment of a browser, all of it: it inherits nothing. `folder`: where it may write. */
export function browserEnvironment(
  { timezone, locale }: StartOptions,
  folder: string,
  program: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  return {
    PATH: '/usr/local/bin:/usr/bin:/bin',
    HOME: folder,
    XDG_CONFIG_HOME: folder,
    XDG_CACHE_HOME: folder,
    XDG_RUNTIME_DIR: folder,
    // The path of a socket in it must not pass 108 bytes.
    TMPDIR: Buffer.byteLength(folder) < 60 ? folder : '/tmp',
    // Nobody to talk to there.
    DBUS_SESSION_BUS_ADDRESS: 'disabled:',
    DBUS_SYSTEM_BUS_ADDRESS: 'disabled:',
    LANG: 'C.UTF-8',
    ...(locale === null ? {} : { LANGUAGE: locale.replace('-', '_') }),
    ...(timezone === null ? {} : { TZ: timezone }),
    ...program,
  };
}
