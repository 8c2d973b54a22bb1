import type { PageContext, TabInfo } from './browser.ts';
import type { BrowserOutcome, Refusal } from './browser-action.ts';

/** What an action came to, before it is given the documented shape. */
export type ActionOutcome =
  | {
      readonly kind: 'done';
      readonly tab?: string;
      readonly result: Readonly<Record<string, unknown>>;
      /** What the stream is told of the result, where that is less. */
      readonly told?: Readonly<Record<string, unknown>>;
    }
  /** A sentence for the caller, and a code for programs: the browser's reasons, and ours. */
  | { readonly kind: 'failed'; readonly code: string; readonly message: string; readonly tab?: string };

/** The documented ActionResult. Upper case is what published clients compare `status` with. */
export interface ActionResult {
  readonly status: 'SUCCESS' | 'ERROR';
  readonly request_id: string;
  readonly timestamp: string;
  readonly result: Readonly<Record<string, unknown>>;
  readonly executed_tab_id?: string;
  readonly error_message?: string;
  /** Ours: decide by it, not by the message. */
  readonly code?: string;
  readonly page_context?: Readonly<Record<string, unknown>>;
}

export function actionResult(
  requestId: string,
  outcome: ActionOutcome,
  now: number,
  context?: PageContext,
): ActionResult {
  const failed = outcome.kind === 'failed';
  return {
    status: failed ? 'ERROR' : 'SUCCESS',
    request_id: requestId,
    timestamp: new Date(now).toISOString(),
    result: failed ? {} : outcome.result,
    ...(outcome.tab === undefined ? {} : { executed_tab_id: outcome.tab }),
    ...(failed ? { error_message: outcome.message, code: outcome.code } : {}),
    ...(context === undefined ? {} : { page_context: pageContext(context) }),
  };
}

export function failed(code: string, message: string, tab?: string): ActionOutcome {
  return tab === undefined ? { kind: 'failed', code, message } : { kind: 'failed', code, message, tab };
}

export function refused({ reason, detail, tab }: Refusal): ActionOutcome {
  return failed(reason, detail, tab);
}

/** What an action of a page came to, but for pictures, which need a place first. */
export function pageOutcome(outcome: Exclude<BrowserOutcome, { kind: 'screenshot' }>): ActionOutcome {
  switch (outcome.kind) {
    case 'done':
      return { kind: 'done', tab: outcome.tab, result: {} };
    case 'navigated': {
      const { tab, url, status, loaded } = outcome;
      return { kind: 'done', tab, result: { url, http_status: status, loaded } };
    }
    case 'html': {
      const { tab, html, cut } = outcome;
      return {
        kind: 'done',
        tab,
        result: { html_content: html, ...(cut ? { truncated: true } : {}) },
        told: { html_length: html.length },
      };
    }
    case 'refused':
      return refused(outcome);
  }
}

/** One tab, under the names of both generations of the documented system. */
export function tabItem({ id, url, title, main, state }: TabInfo): Readonly<Record<string, unknown>> {
  return { tab_id: id, id, url, title, is_main: main, is_active: main, state };
}

function pageContext(context: PageContext): Readonly<Record<string, unknown>> {
  return {
    url: context.url,
    title: context.title,
    tab_id: context.tab,
    is_main_tab: context.main,
    viewport_width: Math.round(context.viewport.width),
    viewport_height: Math.round(context.viewport.height),
    page_width: Math.round(context.page.width),
    page_height: Math.round(context.page.height),
    scroll_x: context.scroll.x,
    scroll_y: context.scroll.y,
    device_scale_factor: context.deviceScaleFactor,
  };
}
