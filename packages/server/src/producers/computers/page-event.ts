import { posix, relative } from 'node:path';
import type { BrowserEvent } from './browser-event.ts';
import type { ComputerEvent, PageEvent } from './events.ts';

/**
 * What a browser tells, as the computer's stream tells it; its end is the session's to tell. A page that crashes or
 * hangs is an error besides. `folder`: the computer's own, which paths are told from.
 */
export function pageEvents(event: BrowserEvent, folder: string): readonly ComputerEvent[] {
  switch (event.type) {
    case 'navigation':
      return [
        {
          type: 'navigation',
          tab_id: event.tab,
          url: event.url,
          title: event.title,
          same_document: event.sameDocument,
          http_status: event.status,
        },
      ];
    case 'loaded':
      return [{ type: 'page_loaded', tab_id: event.tab, url: event.url, title: event.title }];
    case 'navigation-failed':
      return [{ type: 'navigation_failed', tab_id: event.tab, url: event.url, reason: event.reason }];
    case 'tab-opened':
      return [{ type: 'tab_opened', tab_id: event.tab, url: event.url, opener_tab_id: event.opener }];
    case 'tab-activated':
      return [{ type: 'tab_activated', tab_id: event.tab }];
    case 'tab-closed':
      return [{ type: 'tab_closed', tab_id: event.tab }];
    case 'tab-refused':
      return [{ type: 'tab_refused', opener_tab_id: event.opener, url: event.url }];
    case 'console':
      return [{ type: 'console', tab_id: event.tab, level: event.level, text: event.text, at: event.at }];
    case 'page-error':
      return [{ type: 'page_error', tab_id: event.tab, text: event.text, at: event.at }];
    case 'request-failed':
      return [
        {
          type: 'request_failed',
          tab_id: event.tab,
          url: event.url,
          method: event.method,
          resource: event.resource,
          cause: event.cause,
          http_status: event.status,
          reason: event.reason,
        },
      ];
    case 'download-started':
    case 'download-finished':
    case 'download-refused':
      return [downloadEvent(event, folder)];
    case 'dialog-opened': {
      const { tab: tab_id, dialog, message, answer } = event;
      return [{ type: 'dialog', state: 'opened', tab_id, dialog, message, answer }];
    }
    case 'dialog-closed':
      return [{ type: 'dialog', state: 'closed', tab_id: event.tab, accepted: event.accepted }];
    case 'page-crashed':
      return [
        { type: 'crash', tab_id: event.tab, reason: event.reason },
        problem('page-crashed', event.tab, `The page has crashed: ${event.reason}. Navigate to go on.`),
      ];
    case 'page-hangs':
      return [
        { type: 'page_hangs', tab_id: event.tab },
        problem('not-responding', event.tab, 'The page does not answer.'),
      ];
    case 'page-responds':
      return [{ type: 'page_responds', tab_id: event.tab }];
    case 'browser-ended':
      return [];
    case 'omitted':
      return [{ type: 'omitted', of: nameOf(event.of), count: event.count, tab_id: event.tab }];
  }
}

type Download = Extract<
  BrowserEvent,
  { type: 'download-started' | 'download-finished' | 'download-refused' }
>;

function downloadEvent(event: Download, folder: string): PageEvent {
  const { download: download_id, url, filename } = event;
  const common = { type: 'download', download_id, url, filename } as const;
  switch (event.type) {
    case 'download-started':
      return { ...common, state: 'started', tab_id: event.tab };
    case 'download-finished':
      return {
        ...common,
        state: 'finished',
        path: posix.join('/workspace', relative(folder, event.path)),
        bytes: event.bytes,
      };
    case 'download-refused':
      return { ...common, state: 'refused', reason: event.reason };
  }
}

function problem(code: string, tab_id: string, error_message: string): ComputerEvent {
  return { type: 'error', code, error_message, tab_id };
}

/** What a type of the browser's is called here. */
function nameOf(type: BrowserEvent['type']): string {
  switch (type) {
    case 'loaded':
      return 'page_loaded';
    case 'page-crashed':
      return 'crash';
    case 'download-started':
    case 'download-finished':
    case 'download-refused':
      return 'download';
    case 'dialog-opened':
    case 'dialog-closed':
      return 'dialog';
    default:
      return type.replaceAll('-', '_');
  }
}
