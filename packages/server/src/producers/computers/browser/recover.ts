import type { Clock } from '../../../runtime/clock.ts';
import type { Tab } from './tab.ts';

/** How long each step may take. */
const PATIENCE_MS = 1_000;
/** In a process of its own, whatever was there before. */
const ELSEWHERE = 'data:text/html,';

/**
 * Makes a page that is to be left let go: a script that does not end is broken off; if that does not help, the tab goes
 * elsewhere first, for which the page is not needed; and if even that does not, the page's process is ended. A page that
 * answers is left alone.
 *
 * The process of a page that opens one dialog after another is ended at once: a dialog that opens while Chromium puts
 * another page in its place holds up both for ever, and by then the process can no longer be ended either.
 */
export async function recover(tab: Tab, clock: Clock): Promise<void> {
  const { session } = tab;
  if (tab.state === 'crashed') return;
  if (tab.dialogs.restless) {
    await tab.abandon(PATIENCE_MS);
    return;
  }
  const answer = session.send('Runtime.evaluate', { expression: '0' }).catch(() => undefined);
  if (await answers(answer, clock)) return;
  session.tell('Runtime.terminateExecution');
  if (await answers(answer, clock)) return;
  if (await answers(session.send('Page.navigate', { url: ELSEWHERE }), clock)) return;
  await tab.abandon(PATIENCE_MS);
}

async function answers(answer: Promise<unknown>, clock: Clock): Promise<boolean> {
  const late = Promise.withResolvers<false>();
  using _timer = clock.after(PATIENCE_MS, () => late.resolve(false));
  const heard = answer.then(
    () => true,
    () => true,
  );
  return await Promise.race([heard, late.promise]);
}
