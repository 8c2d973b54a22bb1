import type { ServerMessage } from '@playhead/protocol';
import type { EndReason, Sink } from '../../hub/hub.ts';
import type { ReadBegun } from '../gateway.ts';
import { contentEncoding } from './content-encoding.ts';
import type { WebSocketConnection } from './web-socket.ts';

export interface ContentSinkParts {
  readonly stream: string;
  /** Given back in `reading`. */
  readonly id: string | undefined;
  readonly live: boolean;
  readonly connection: WebSocketConnection;
  readonly send: (message: ServerMessage) => void;
  /** The subscription is no longer needed, or is gone. */
  readonly over: () => void;
}

/**
 * One read of content on a socket: `reading`, what there is, and `end`.
 *
 *   READING ──the end, of a read that does not wait──▶ OVER (caught-up)
 *      │ what follows was trimmed ───────────────────▶ OVER (lost)
 *      └ told from outside ──────────────────────────▶ OVER (finished, deleted, draining, failed)
 */
export function contentSink(parts: ContentSinkParts, begun: ReadBegun): Sink {
  const { stream, live, connection, send } = parts;
  const encoding = contentEncoding(stream, begun);
  let begins = true;
  let over = false;
  function end(reason: EndReason | 'caught-up' | 'lost'): void {
    if (over) return;
    over = true;
    send({ type: 'end', stream, reason });
    // Before the client can answer, but not while the hub is calling.
    queueMicrotask(parts.over);
  }
  send({
    ...{ type: 'reading', stream, content_type: begun.contentType, position: begun.position },
    ...(parts.id === undefined ? {} : { id: parts.id }),
    ...(begun.upToDate ? { up_to_date: true } : {}),
  });
  return {
    encoding,
    receipt() {
      // The first one tells what `reading` did; another one that something is missing.
      if (!begins) end('lost');
      begins = false;
    },
    write(chunk) {
      if (over) return false;
      const taken = connection.write(chunk);
      const at = encoding.endOf(chunk);
      if (live || at === undefined || !at.live || at.closed) return taken;
      end('caught-up');
      return false;
    },
    end,
  };
}
