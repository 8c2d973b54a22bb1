import type { ProcessExit } from '../../../launcher/launcher.ts';
import type { BrowserEnding } from '../browser.ts';

/** Why we ended it; undefined: we did not. */
export type EndCause = 'closed' | 'hung' | undefined;

/** By these a program ends because of a fault of its own. */
const FAULTS: ReadonlySet<NodeJS.Signals> = new Set([
  'SIGSEGV',
  'SIGABRT',
  'SIGTRAP',
  'SIGILL',
  'SIGBUS',
  'SIGFPE',
]);

/** How a browser ended: what we did, else what the operating system says. */
export function browserEnding(exit: ProcessExit, cause: EndCause): BrowserEnding {
  if (cause !== undefined) return { kind: cause };
  if (exit.kind === 'exited') return exit;
  return { kind: FAULTS.has(exit.name) ? 'crashed' : 'signalled', name: exit.name };
}

/** The same in words. */
export function endingText(ending: BrowserEnding): string {
  switch (ending.kind) {
    case 'closed':
      return 'It was closed.';
    case 'exited':
      return `It ended by itself, with ${ending.code}.`;
    case 'crashed':
      return `It crashed (${ending.name}).`;
    case 'signalled':
      return `It was ended by ${ending.name}.`;
    case 'hung':
      return 'It stopped answering.';
  }
}
