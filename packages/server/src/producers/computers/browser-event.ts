import type { TabId } from './browser.ts';

/**
 * What happens in a browser, in the order in which it is heard. All text comes from strangers: it is cut to bounds
 * (titles 1 KiB, URLs 8 KiB, messages 8 KiB), and what comes too often is counted and told as `omitted`.
 */
export type BrowserEvent =
  /** The main frame has another address: by an action, a link, a script, history, or within the page. */
  | {
      readonly type: 'navigation';
      readonly tab: TabId;
      readonly url: string;
      readonly title: string;
      /** True: the same document goes on, as with `history.pushState` and fragments. */
      readonly sameDocument: boolean;
      /** The HTTP status of the document; null where there is none or it is not known. */
      readonly status: number | null;
    }
  /** All that belongs to the document is there. */
  | { readonly type: 'loaded'; readonly tab: TabId; readonly url: string; readonly title: string }
  | { readonly type: 'navigation-failed'; readonly tab: TabId; readonly url: string; readonly reason: string }
  /** `opener`: the tab whose page opened it; null: an action did. */
  | { readonly type: 'tab-opened'; readonly tab: TabId; readonly url: string; readonly opener: TabId | null }
  | { readonly type: 'tab-activated'; readonly tab: TabId }
  | { readonly type: 'tab-closed'; readonly tab: TabId }
  /** A page wanted one more than there may be; it was closed at once. */
  | { readonly type: 'tab-refused'; readonly opener: TabId | null; readonly url: string }
  | {
      readonly type: 'console';
      readonly tab: TabId;
      /** As in the console API: `log`, `debug`, `info`, `error`, `warning`, `assert`, `trace`, … */
      readonly level: string;
      readonly text: string;
      /** Where it was called; null if unknown. Lines and columns count from 1. */
      readonly at: SourcePlace | null;
    }
  /** An exception that nobody caught, or a promise that nobody handled. */
  | {
      readonly type: 'page-error';
      readonly tab: TabId;
      readonly text: string;
      readonly at: SourcePlace | null;
    }
  | {
      readonly type: 'request-failed';
      readonly tab: TabId;
      readonly url: string;
      readonly method: string;
      /** `document`, `script`, `image`, `fetch`, `websocket`, … */
      readonly resource: string;
      /** `status`: answered with 400 or above; `blocked`: refused by the proxy or a policy; else the network's. */
      readonly cause: 'status' | 'blocked' | 'network';
      /** The status where the cause is one, else null. */
      readonly status: number | null;
      /** E.g. `net::ERR_NAME_NOT_RESOLVED`. */
      readonly reason: string;
    }
  | {
      readonly type: 'download-started';
      readonly tab: TabId | null;
      readonly download: string;
      readonly url: string;
      /** What the site calls it, without any folder. */
      readonly filename: string;
    }
  | {
      readonly type: 'download-finished';
      readonly download: string;
      readonly url: string;
      readonly filename: string;
      /** Absolute; in the folder for downloads. Its name may have been changed to be safe and unique. */
      readonly path: string;
      readonly bytes: number;
    }
  /** Nothing of it is left. `cancelled`: by the page, or because the browser ended. */
  | {
      readonly type: 'download-refused';
      readonly download: string;
      readonly url: string;
      readonly filename: string;
      readonly reason: 'not-allowed' | 'too-large' | 'no-room' | 'cancelled';
    }
  /** The page waits for an answer, which it is given at once: `answer`. */
  | {
      readonly type: 'dialog-opened';
      readonly tab: TabId;
      readonly dialog: 'alert' | 'confirm' | 'prompt' | 'beforeunload';
      readonly message: string;
      readonly answer: 'accept' | 'dismiss';
    }
  | { readonly type: 'dialog-closed'; readonly tab: TabId; readonly accepted: boolean }
  /** The page's process is gone; the tab stays, and can be navigated or closed. */
  | { readonly type: 'page-crashed'; readonly tab: TabId; readonly reason: string }
  /** The page has not answered for a while; `page-responds` follows if it does again. */
  | { readonly type: 'page-hangs' | 'page-responds'; readonly tab: TabId }
  /** The last event of all but for one that was `closed`. `cause` as in `Browser.ended`. */
  | {
      readonly type: 'browser-ended';
      readonly cause: 'exited' | 'crashed' | 'signalled' | 'hung';
      readonly detail: string;
    }
  /** So many events of this type were not told, because they came too fast. */
  | {
      readonly type: 'omitted';
      readonly tab: TabId;
      readonly of: BrowserEvent['type'];
      readonly count: number;
    };

export interface SourcePlace {
  readonly url: string;
  readonly line: number;
  readonly column: number;
}
