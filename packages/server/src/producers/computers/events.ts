import { jsonLine } from '@playhead/protocol';
import { z } from 'zod';
import type { LogEvent } from '../../log/event-log.ts';
import { type Ending, endingSchema } from '../../sessions/ending.ts';
import type { ComputerStatus } from './computer-view.ts';

/**
 * The events of `computers/{id}`. Each one's data is JSON with `type`, `computer_id` and `timestamp` besides what
 * stands here; the first is `session_state`, and so is the last.
 */
export type ComputerEvent =
  /** `ending` where it is terminated. */
  | { readonly type: 'session_state'; readonly status: ComputerStatus; readonly ending?: Ending }
  /** The end is near unless it is used or kept alive. ISO 8601. */
  | { readonly type: 'expiring'; readonly expires_at: string }
  | {
      readonly type: 'action_request';
      readonly request_id: string;
      readonly tab_id?: string;
      /** What was asked for, without texts that were typed and without credentials. */
      readonly action: Readonly<Record<string, unknown>>;
    }
  | {
      readonly type: 'action_response';
      readonly request_id: string;
      readonly action_type: string;
      readonly status: 'SUCCESS' | 'ERROR';
      readonly duration_ms: number;
      readonly executed_tab_id?: string;
      readonly error_message?: string;
      readonly code?: string;
      /** Without pictures, pages and output. */
      readonly result: Readonly<Record<string, unknown>>;
    }
  /** What a shell command wrote: bytes in base64, cut anywhere. */
  | {
      readonly type: 'command_output';
      readonly request_id: string;
      readonly data: string;
      readonly is_stderr: boolean;
    }
  /** Something failed: an action, a page, the browser. */
  | {
      readonly type: 'error';
      readonly code: string;
      readonly error_message: string;
      readonly request_id?: string;
      readonly tab_id?: string;
    }
  /** Who controls it; null: whoever may. */
  | {
      readonly type: 'control';
      readonly controller: { readonly viewer: string; readonly key: string } | null;
    }
  | PageEvent;

/** What pages do. Of these some may be left out where they come too fast: `omitted` says how many. */
export type PageEvent =
  | {
      readonly type: 'navigation';
      readonly tab_id: string;
      readonly url: string;
      readonly title: string;
      readonly same_document: boolean;
      readonly http_status: number | null;
    }
  | {
      readonly type: 'page_loaded';
      readonly tab_id: string;
      readonly url: string;
      readonly title: string;
    }
  | {
      readonly type: 'navigation_failed';
      readonly tab_id: string;
      readonly url: string;
      readonly reason: string;
    }
  | {
      readonly type: 'tab_opened';
      readonly tab_id: string;
      readonly url: string;
      readonly opener_tab_id: string | null;
    }
  | { readonly type: 'tab_activated' | 'tab_closed'; readonly tab_id: string }
  | { readonly type: 'tab_refused'; readonly opener_tab_id: string | null; readonly url: string }
  | {
      readonly type: 'console';
      readonly tab_id: string;
      readonly level: string;
      readonly text: string;
      readonly at: Place | null;
    }
  | {
      readonly type: 'page_error';
      readonly tab_id: string;
      readonly text: string;
      readonly at: Place | null;
    }
  | {
      readonly type: 'request_failed';
      readonly tab_id: string;
      readonly url: string;
      readonly method: string;
      readonly resource: string;
      readonly cause: 'status' | 'blocked' | 'network';
      readonly http_status: number | null;
      readonly reason: string;
    }
  | {
      readonly type: 'download';
      readonly state: 'started' | 'finished' | 'refused';
      readonly download_id: string;
      readonly url: string;
      readonly filename: string;
      readonly tab_id?: string | null;
      /** Where it lies in the computer's folder, as `exec` sees it. */
      readonly path?: string;
      readonly bytes?: number;
      readonly reason?: string;
    }
  | {
      readonly type: 'dialog';
      readonly state: 'opened' | 'closed';
      readonly tab_id: string;
      readonly dialog?: string;
      readonly message?: string;
      readonly answer?: 'accept' | 'dismiss';
      readonly accepted?: boolean;
    }
  | { readonly type: 'crash'; readonly tab_id: string; readonly reason: string }
  | { readonly type: 'page_hangs' | 'page_responds'; readonly tab_id: string }
  | { readonly type: 'omitted'; readonly of: string; readonly count: number; readonly tab_id?: string };

export interface Place {
  readonly url: string;
  readonly line: number;
  readonly column: number;
}

/** An event as it stands in the stream. `now` is ms since 1970. */
export function logEvent(id: string, event: ComputerEvent, now: number): LogEvent {
  const { type, ...rest } = event;
  return {
    type,
    data: jsonLine({ type, computer_id: id, timestamp: new Date(now).toISOString(), ...rest }),
  };
}

const terminated = z.object({
  type: z.literal('session_state'),
  status: z.literal('terminated'),
  ending: endingSchema,
});

/** How a stream says that its computer ended, by its last event; undefined if that says something else. */
export function readEnding(event: LogEvent): Ending | undefined {
  if (event.type !== 'session_state' || typeof event.data !== 'string') return undefined;
  return terminated.safeParse(JSON.parse(event.data)).data?.ending;
}
