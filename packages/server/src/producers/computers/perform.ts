import type { Principal } from '../../access/principal.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { mayAct } from '../../sessions/control.ts';
import { type Action, isLook } from './action.ts';
import {
  type ActionOutcome,
  type ActionResult,
  actionResult,
  failed,
  pageOutcome,
  refused,
  tabItem,
} from './action-result.ts';
import type { ActOptions, Browser, PageContext, TabOutcome } from './browser.ts';
import type { Computer } from './computer.ts';
import { keepPicture } from './keep-picture.ts';
import { browserAction, type PageAction } from './page-action.ts';
import type { Pictures } from './pictures.ts';
import { publicAction } from './public-action.ts';
import { debugOutcome, type ShellParts } from './run-shell.ts';

/** Who asks for an action. */
export interface ActionCaller {
  readonly principal: Principal;
  /** Which socket, where it is one: control belongs to a socket. */
  readonly viewer: string | null;
}

export interface PerformParts {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly pictures: Pictures;
  readonly shell: ShellParts;
  /** Of one action, the wait behind others included, ms. */
  readonly actionMs: number;
  /** A path as a caller reaches it from outside. */
  readonly publicUrl: (path: string) => string;
}

/** How long the answer waits to hear where the page stands, ms. */
const CONTEXT_MS = 2_000;

/**
 * Does what a caller asks of a computer and tells the stream of it, before and after. Never rejects for what a caller,
 * a page or a browser can cause: that is a result whose status is `ERROR`.
 */
export async function perform(
  parts: PerformParts,
  computer: Computer,
  action: Action,
  caller: ActionCaller,
): Promise<ActionResult> {
  const { clock } = parts;
  const { requestId, tabId } = action;
  const refusal = refusalOf(computer, action, caller);
  if (refusal !== undefined) return actionResult(requestId, refusal, clock.now());
  using use = computer.use();
  if (use === undefined) {
    const busy = failed('overloaded', 'As many actions are under way as may be. Wait for some of them.');
    return actionResult(requestId, busy, clock.now());
  }
  const begun = clock.now();
  computer.events.tell({
    type: 'action_request',
    request_id: requestId,
    ...(tabId === undefined ? {} : { tab_id: tabId }),
    action: publicAction(action),
  });
  const outcome = await withRoom(parts, computer, () => run(parts, computer, action, caller));
  tell(computer, action, outcome, clock.now() - begun);
  const context = action.includeContext ? await contextOf(computer.browser, outcome.tab) : undefined;
  return actionResult(requestId, outcome, clock.now(), context);
}

function refusalOf(
  computer: Computer,
  { type }: Action,
  { viewer }: ActionCaller,
): ActionOutcome | undefined {
  if (computer.session.signal.aborted) return failed('computer-terminated', 'The computer is terminated.');
  if (isLook(type) || mayAct(computer.control, viewer)) return undefined;
  return failed('not-in-control', 'Somebody else has control of this computer.');
}

/** Nothing is done that could not be told: while the log has no room, what is asked for waits. */
async function withRoom(
  { clock, actionMs }: PerformParts,
  { session }: Computer,
  act: () => Promise<ActionOutcome>,
): Promise<ActionOutcome> {
  const room = session.outlet.room();
  if (room === undefined) return act();
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  using _timer = clock.after(actionMs, () => resolve('late'));
  if ((await Promise.race([room, late])) === 'late')
    return failed('storage', 'Nothing can be recorded now: the storage is full or slow.');
  return await act();
}

function tell(computer: Computer, action: Action, outcome: ActionOutcome, durationMs: number): void {
  const { requestId: request_id, type: action_type } = action;
  const tab = outcome.tab;
  const common = {
    type: 'action_response',
    request_id,
    action_type,
    duration_ms: Math.max(0, Math.round(durationMs)),
    ...(tab === undefined ? {} : { executed_tab_id: tab }),
  } as const;
  if (outcome.kind === 'done') {
    computer.events.tell({ ...common, status: 'SUCCESS', result: outcome.told ?? outcome.result });
    return;
  }
  const { code, message: error_message } = outcome;
  computer.events.tell(
    { ...common, status: 'ERROR', error_message, code, result: {} },
    { type: 'error', code, error_message, request_id, ...(tab === undefined ? {} : { tab_id: tab }) },
  );
}

async function run(
  parts: PerformParts,
  computer: Computer,
  action: Action,
  caller: ActionCaller,
): Promise<ActionOutcome> {
  const { browser, session } = computer;
  const how: ActOptions = {
    timeoutMs: parts.actionMs + (action.type === 'wait' ? action.ms : 0),
    signal: session.signal,
    ...(action.tabId === undefined ? {} : { tab: action.tabId }),
  };
  switch (action.type) {
    case 'list_tabs':
      return {
        kind: 'done',
        tab: browser.mainTab,
        result: { tabs: (await browser.listTabs()).map(tabItem) },
      };
    case 'new_tab':
      return changeTabs(
        computer,
        () => browser.openTab(action.url, how),
        (tab) => ({ created_tab_id: tab }),
      );
    case 'switch_tab':
      return changeTabs(
        computer,
        () => browser.activateTab(action.tabId ?? '', how),
        (tab) => ({ active_tab: tab }),
      );
    case 'close_tab':
      return changeTabs(
        computer,
        () => browser.closeTab(action.tabId ?? '', how),
        (tab) => ({ closed_tab: tab }),
      );
    case 'change_proxy':
      return changeProxy(computer, action.proxyUrl);
    case 'debug':
      return debugOutcome(parts.shell, computer, action, caller.principal);
    default:
      if (action.tabId === undefined) await computer.tabs;
      return onPage(parts, computer, action, how);
  }
}

async function onPage(
  parts: PerformParts,
  computer: Computer,
  action: PageAction,
  how: ActOptions,
): Promise<ActionOutcome> {
  const wanted = await browserAction(computer.browser, action, how);
  if ('kind' in wanted) return refused(wanted);
  const outcome = await computer.browser.act(wanted, how);
  if (outcome.kind !== 'screenshot') return pageOutcome(outcome);
  const base64 = action.type === 'screenshot' && action.base64;
  try {
    return await keepPicture(parts, computer.record.id, outcome, base64);
  } catch (error) {
    parts.logger.error({ error }, 'a picture could not be kept');
    return failed(
      'storage',
      'The picture could not be kept. With base64 it comes in the answer.',
      outcome.tab,
    );
  }
}

/** One behind the other, so that what follows without a tab meets the main tab that these leave. */
async function changeTabs(
  computer: Computer,
  change: () => Promise<TabOutcome>,
  result: (tab: string) => Readonly<Record<string, unknown>>,
): Promise<ActionOutcome> {
  const changed = computer.tabs.then(change);
  computer.tabs = changed.catch(() => undefined);
  const outcome = await changed;
  if (outcome.kind === 'refused') return refused(outcome);
  return { kind: 'done', tab: outcome.tab, result: result(outcome.tab) };
}

async function changeProxy({ way }: Computer, url: string): Promise<ActionOutcome> {
  if (way === null) return failed('not-served', 'This server gives its browsers no proxy.');
  const changed = await way.change(url === '' ? null : url);
  switch (changed) {
    case 'changed':
      return { kind: 'done', result: { via: way.via } };
    case 'invalid':
      return failed('invalid-proxy', 'A proxy is http://, https:// or socks5:// and a host with its port.');
    case 'refused':
      return failed('proxy-forbidden', 'That proxy is at an address that is not allowed.');
    case 'unresolved':
      return failed('proxy-unresolved', 'The name of that proxy does not resolve.');
  }
}

async function contextOf(browser: Browser, tab: string | undefined): Promise<PageContext | undefined> {
  const known = tab !== undefined && browser.tabs().some(({ id }) => id === tab);
  const outcome = await browser.context({ timeoutMs: CONTEXT_MS, ...(known ? { tab } : {}) });
  return outcome.kind === 'done' ? outcome.context : undefined;
}
