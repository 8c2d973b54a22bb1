import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import { callerOf, parameter } from '../caller.ts';
import { checkInput } from '../check-input.ts';
import type { Action } from './action.ts';
import { type ActionResult, actionResult, tabItem } from './action-result.ts';
import { addRoute } from './both-prefixes.ts';
import type { Computer } from './computer.ts';
import { runningComputer } from './find-computer.ts';
import type { LiveComputers } from './live-computers.ts';
import { type PerformParts, perform } from './perform.ts';
import { type ActionLimits, readAction } from './read-action.ts';
import { requireExecute } from './run-shell.ts';

export interface ActionRouteParts extends PerformParts {
  readonly live: LiveComputers;
  readonly limits: ActionLimits;
}

/** Actions that have a path of their own, which names them. */
const PATHS = [
  ...['navigate', 'click', 'double-click', 'right-click', 'mouse-down', 'mouse-up', 'drag', 'scroll'],
  ...['type', 'hotkey', 'key-down', 'key-up', 'screenshot', 'html', 'viewport', 'change-proxy', 'debug'],
] as const;

const CONTROL = { scope: 'computers:control' } as const;
const BATCH_MOST = 100;

const object = z.record(z.string(), z.unknown());
const batch = z.object({ actions: z.array(object).max(BATCH_MOST) });

/** Actions: each by its path, by `execute`, in a batch, and those of tabs. */
export function mountActions(router: Router, parts: ActionRouteParts): void {
  const { live, limits, clock } = parts;

  function computerOf(exchange: Exchange): Computer {
    return runningComputer(live, callerOf(exchange).tenant, parameter(exchange, 'id'));
  }

  function act(exchange: Exchange, computer: Computer, action: Action): Promise<ActionResult> {
    const principal = callerOf(exchange);
    if (action.type === 'debug') requireExecute(principal);
    return perform(parts, computer, action, { principal, viewer: null });
  }

  /** A route whose body, with what `more` says, is an action. */
  function add(
    method: 'POST' | 'DELETE',
    path: string,
    more: (exchange: Exchange) => Readonly<Record<string, unknown>>,
    show: (result: ActionResult) => unknown = (result) => result,
  ): void {
    addRoute(router, {
      method,
      path: `/:id${path}`,
      access: CONTROL,
      async handle(exchange): Promise<Reply> {
        const computer = computerOf(exchange);
        const input = { ...(await bodyOf(exchange)), ...more(exchange) };
        return { body: show(await act(exchange, computer, readAction(input, exchange.id, limits))) };
      },
    });
  }

  for (const name of PATHS) add('POST', `/${name}`, () => ({ type: name }));
  add('POST', '/tabs', () => ({ type: 'new_tab' }));
  const named = (type: string) => (exchange: Exchange) => ({ type, tab_id: parameter(exchange, 'tab') });
  // One generation of the documented system has these beside the result, another in it.
  add('POST', '/tabs/:tab/switch', named('switch_tab'), (result) => ({ ...result, ...result.result }));
  add('DELETE', '/tabs/:tab', named('close_tab'), (result) => ({ ...result, ...result.result }));

  addRoute(router, {
    method: 'POST',
    path: '/:id/execute',
    access: CONTROL,
    async handle(exchange): Promise<Reply> {
      const computer = computerOf(exchange);
      const body = await bodyOf(exchange);
      const wrapped = object.safeParse(body['action']);
      const input = wrapped.success ? wrapped.data : body;
      return { body: await act(exchange, computer, readAction(input, exchange.id, limits)) };
    },
  });

  addRoute(router, {
    method: 'POST',
    path: '/:id/batch',
    access: CONTROL,
    async handle(exchange): Promise<Reply> {
      const computer = computerOf(exchange);
      const actions = readBatch(await exchange.json(), exchange.id, limits);
      if (actions.some(({ type }) => type === 'debug')) requireExecute(callerOf(exchange));
      const results: ActionResult[] = [];
      for (const action of actions) {
        const result = await act(exchange, computer, action);
        results.push(result);
        if (result.status === 'ERROR') break;
      }
      const last = results.at(-1);
      const failed = last?.status === 'ERROR';
      return {
        body: {
          status: failed ? 'ERROR' : 'SUCCESS',
          ...(failed ? { error_message: last.error_message, code: last.code } : {}),
          results,
          total: actions.length,
          executed: results.length,
          request_id: exchange.id,
          timestamp: new Date(clock.now()).toISOString(),
        },
      };
    },
  });

  // Looking is no use of the computer: it is told to nobody, and renews nothing.
  addRoute(router, {
    method: 'GET',
    path: '/:id/tabs',
    access: { scope: 'computers:read' },
    async handle(exchange): Promise<Reply> {
      const { browser } = computerOf(exchange);
      const tabs = await browser.listTabs();
      const result = { tabs: tabs.map(tabItem) };
      return {
        body: actionResult(exchange.id, { kind: 'done', tab: browser.mainTab, result }, clock.now()),
      };
    },
  });
}

async function bodyOf(exchange: Exchange): Promise<Record<string, unknown>> {
  return checkInput(object, (await exchange.json()) ?? {});
}

/** All actions of a batch, before the first is done. Each has an id of its own. */
function readBatch(body: unknown, requestId: string, limits: ActionLimits): Action[] {
  return checkInput(batch, body ?? {}).actions.map((input, i) => {
    try {
      return readAction(input, `${requestId}-${i + 1}`, limits);
    } catch (error) {
      if (!(error instanceof PlayheadError)) throw error;
      const { field } = error.extensions;
      throw new PlayheadError(error.code, `actions.${i}: ${error.message}`, {
        extensions: { field: `actions.${i}.${typeof field === 'string' ? field : ''}` },
      });
    }
  });
}
