import type { TabId } from '../browser.ts';
import type { BrowserEvent } from '../browser-event.ts';
import type { CdpSession } from './cdp-connection.ts';
import { BOUNDS, clip } from './clip.ts';

export interface DialogsParts {
  readonly session: CdpSession;
  readonly tab: TabId;
  readonly answer: () => 'accept' | 'dismiss';
  /** Asked before a dialog is told. It is answered in any case. */
  readonly admit: () => boolean;
  readonly tell: (event: BrowserEvent) => void;
}

/** Answers every dialog at once, so that no page and no action waits for somebody who does not come. */
export function answerDialogs({ session, tab, answer, admit, tell }: DialogsParts): void {
  let told = false;
  session.on('Page.javascriptDialogOpening', ({ type, message }) => {
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
}
