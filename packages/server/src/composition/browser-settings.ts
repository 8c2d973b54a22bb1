import type { Environment } from './environment.ts';
import { BROWSER_DEFAULTS, type BrowserSettings } from '../producers/computers/browser/browser-settings.ts';
import type { Settings } from '../runtime/settings.ts';
import { join } from 'node:path';

export function browserSettings(settings: Settings, environment: Environment): BrowserSettings {
  return {
    ...BROWSER_DEFAULTS,
    program: settings.browser,
    path: environment['PATH'] ?? '',
    sandbox: settings.browserSandbox,
    folder: join(settings.data, 'browsers'),
    cache: join(settings.data, 'browser'),
    warm: settings.browserWarm,
    warmIdleMs: settings.browserWarmIdleMs,
    startMs: settings.browserStartMs,
    hangMs: settings.browserHangMs,
    pageBytes: settings.browserPageMemory,
  };
}
