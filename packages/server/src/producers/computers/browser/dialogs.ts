import type { TabId } from '../browser.ts';
import type { BrowserEvent } from '../browser-event.ts';
import type { Clock } from '../../../runtime/clock.ts';
import type { CdpSession } from './cdp-connection.ts';
import { BOUNDS, clip } from './clip.ts';

export interface DialogsParts {
  readonly session: CdpSession;
  readonly tab: TabId;
  readonly clock: Clock;
  readonly answer: () => 'accept' | 'dismiss';
  /** Asked before a dialog is told. It is answered in any case. */
  readonly admit: () => boolean;
  readonly tell: (event: BrowserEvent) => void;
}

export interface Dialogs {
  /** Whether there was one a moment ago: a page that opens one after another is about to open the next. */
  readonly restless: boolean;
}

const MOMENT_MS = 1_000;

/** Answers every dialog at once, so that no page and no action waits for somebody who does not come. */
export function answerDialogs({ session, tab, clock, answer, admit, tell }: DialogsParts): Dialogs {
  let told = false;
  let last = Number.NEGATIVE_INFINITY;
  session.on('Page.javascriptDialogOpening', ({ type, message }) => {
    if (type !== 'beforeunload') last = clock.now();
    // Whoever navigates wants to leave the page.
    const accept = type === 'beforeunload' || answer() === 'accept';
    told = admit();
    if (told) {
      tell({
        type: 'dialog-opened',
        tab,
        dialog: type,
        message: clip(message, BOUNDS.text),
        answer: accept ? 'accept' : 'dismiss',
      });
    }
    session.tell('Page.handleJavaScriptDialog', { accept });
  });
  session.on('Page.javascriptDialogClosed', ({ result }) => {
    if (told) tell({ type: 'dialog-closed', tab, accepted: result });
    told = false;
  });
  return {
    get restless() {
      return clock.now() - last < MOMENT_MS;
    },
  };
}
