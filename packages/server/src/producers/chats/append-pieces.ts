import type { LogEvent } from '../../log/event-log.ts';
import type { Outlet } from '../../sessions/outlet.ts';
import { partEvent, type SaidPart } from './events.ts';

/** What an answer's pieces go into its stream through. */
export interface PieceAppender {
  /** Takes a piece: it is appended at once, or with those that follow once what is on its way has arrived. */
  add(part: SaidPart): void;
  /** Sends what waits. */
  flush(): void;
}

/** Characters beyond which nothing waits to be merged. */
const MERGED = 16 * 1024;

/**
 * Appends pieces as they come, as long as the log keeps up. While one append is on its way, text that comes is merged:
 * a server that has more to do than it can makes fewer and larger events of the same text, and nobody falls behind (F8).
 */
export function appendPieces(outlet: Outlet): PieceAppender {
  let waiting: SaidPart[] = [];

  function flush(): void {
    const parts = waiting;
    if (parts.length === 0) return;
    waiting = [];
    const events: LogEvent[] = parts.map(partEvent);
    outlet.send(
      events,
      events.reduce((sum, { data }) => sum + Buffer.byteLength(String(data)), 0),
    );
  }

  return {
    add(part) {
      const last = waiting.at(-1);
      if (last !== undefined && isText(last) && isText(part) && last.kind === part.kind) {
        const text = last.text + part.text;
        waiting[waiting.length - 1] = { kind: part.kind, text };
        // What is sent counts for the bound of what is on its way: more than this does not wait here.
        if (text.length > MERGED) flush();
        return;
      }
      waiting.push(part);
      if (waiting.length > 1) return;
      const settled = outlet.settled();
      if (settled === undefined) flush();
      else void settled.then(flush);
    },
    flush,
  };
}

function isText(part: SaidPart): part is Extract<SaidPart, { kind: 'text' | 'reasoning' }> {
  return part.kind === 'text' || part.kind === 'reasoning';
}
