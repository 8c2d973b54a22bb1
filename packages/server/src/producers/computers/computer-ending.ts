import type { Ending } from '../../sessions/ending.ts';
import type { StopCause } from '../../sessions/session.ts';
import type { BrowserEnding } from './browser.ts';
import type { ComputerEvent } from './events.ts';

/** How a computer ended, from what is known of its browser; that somebody asked for it before is said first. */
export function endingOf(browser: BrowserEnding, asked: StopCause | undefined): Ending {
  if (asked !== undefined) return asked;
  switch (browser.kind) {
    case 'exited':
      return { kind: 'exited', code: browser.code };
    case 'crashed':
    case 'signalled':
      return { kind: 'signalled', name: browser.name };
    case 'hung':
      return { kind: 'failed', reason: 'browser-hung' };
    // Nobody disposes a browser but its computer.
    case 'closed':
      return { kind: 'failed', reason: 'browser-closed' };
  }
}

/** The last events of a computer: what went wrong, where something did, and that it is terminated. */
export function lastEvents(ending: Ending, browser?: BrowserEnding): readonly ComputerEvent[] {
  const state = { type: 'session_state', status: 'terminated', ending } as const;
  const problem = problemOf(ending, browser);
  return problem === undefined ? [state] : [{ type: 'error', ...problem }, state];
}

function problemOf(
  ending: Ending,
  browser: BrowserEnding | undefined,
): { readonly code: string; readonly error_message: string } | undefined {
  switch (ending.kind) {
    case 'stopped':
    case 'expired':
      return undefined;
    case 'exited':
      return { code: 'browser-exited', error_message: `The browser ended with exit code ${ending.code}.` };
    case 'signalled':
      return browser?.kind === 'crashed'
        ? { code: 'browser-crashed', error_message: `The browser crashed (${ending.name}).` }
        : { code: 'browser-killed', error_message: `The browser was killed (${ending.name}).` };
    case 'lost':
      return { code: 'lost', error_message: ending.reason };
    case 'failed':
      return { code: ending.reason, error_message: WORDS[ending.reason] ?? `It failed: ${ending.reason}.` };
  }
}

const WORDS: Readonly<Record<string, string>> = {
  'browser-hung': 'The browser stopped answering and was killed.',
  'browser-closed': 'The browser was closed.',
  'browser-failed': 'The browser could not be started.',
  storage: 'Its events could not be stored for too long, and what was not is lost.',
  'stream-gone': 'Its stream was deleted.',
};
