import type { Clock } from '../../../runtime/clock.ts';
import type { Tab } from './tab.ts';

/** How long a page may keep somebody who leaves it. */
const PATIENCE_MS = 1_000;

/**
 * Makes a page that is to be left let go: a script that does not end is broken off, and if that does not help, the
 * page's process is. A page that answers is left alone.
 */
export async function recover(tab: Tab, clock: Clock): Promise<void> {
  const { session } = tab;
  if (tab.state === 'crashed') return;
  const answer = session.send('Runtime.evaluate', { expression: '0' });
  if (await answers(answer, clock)) return;
  session.tell('Runtime.terminateExecution');
  if (await answers(answer, clock)) return;
  session.tell('Page.crash');
  await answers(answer, clock);
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
