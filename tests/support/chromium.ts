import { type Browser, chromium } from 'playwright-core';
import type { OptionalProgram } from './optional.ts';

/** A headless browser that talks to nobody but the pages under test. */
export function launchChromium(program: OptionalProgram, more: readonly string[] = []): Promise<Browser> {
  return chromium.launch({
    executablePath: program.path,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      ...more,
    ],
  });
}
