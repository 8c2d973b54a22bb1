import { escapeLineBreaks, formatPosition, type Position } from '@playhead/protocol';
import type { ChunkEnd } from '../../hub/hub.ts';
import type { Batch } from '../../log/event-log.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { SseFace } from '../../transports/transport.ts';
import { bytesOf, joined } from './body-encoding.ts';
import type { ContentKind } from './content-kind.ts';
import { cursorText } from './cursor.ts';
import { messageText } from './message-text.ts';

const faces = new WeakMap<Clock, Map<string, SseFace>>();

/** Faces with a cursor of their own that are kept; a reader whose cursor nobody else sent shares with nobody. */
const KEPT = 256;

/**
 * How streams of a kind look on Server-Sent Events: `event: data` with what a chunk holds, then `event: control` with
 * where it ends. Both have the position as `id`, so that a browser's EventSource resumes by itself. There is no space
 * behind `data:`, since some readers of the protocol compare the bytes. One object for all
 * readers with the same `floor` of their cursors, which is nearly always 0, so that what is encoded is shared.
 */
export function eventFace(kind: ContentKind, floor: number, clock: Clock): SseFace {
  let known = faces.get(clock);
  if (known === undefined) {
    known = new Map();
    faces.set(clock, known);
  }
  const name = `${kind}${floor}`;
  const kept = known.get(name);
  if (kept !== undefined) return kept;
  if (known.size >= KEPT) known.clear();
  const face = faceOf(kind, floor, clock);
  known.set(name, face);
  return face;
}

function faceOf(kind: ContentKind, floor: number, clock: Clock): SseFace {
  const control = (next: Position, live: boolean): string => {
    const offset = formatPosition(next);
    const upToDate = live ? ',"upToDate":true' : '';
    const cursor = cursorText(floor, clock.now());
    return `id: ${offset}\nevent: control\ndata:{"streamNextOffset":"${offset}","streamCursor":"${cursor}"${upToDate}}\n\n`;
  };
  const data = DATA[kind];
  return {
    // A reader at the end is told so at once; any other is when it gets there.
    preamble: ({ from, latest }) => {
      if (from !== latest) return '';
      const cursor = cursorText(floor, clock.now());
      return `id: ${from}\nevent: control\ndata:{"streamNextOffset":"${from}","streamCursor":"${cursor}","upToDate":true}\n\n`;
    },
    encode: (batch) => data.encode(batch),
    join(parts, end) {
      return Buffer.concat([data.event(parts, end), Buffer.from(control(end.next, end.live))]);
    },
    heartbeat: () => ': heartbeat\n\n',
    epilogue(reason, cursor) {
      if (reason !== 'finished' || cursor === undefined) return '';
      const offset = formatPosition(cursor);
      return `id: ${offset}\nevent: control\ndata:{"streamNextOffset":"${offset}","streamClosed":true,"upToDate":true}\n\n`;
    },
  };
}

interface Data {
  /** What is made once for each batch. */
  encode(batch: Batch): Uint8Array;
  /** The whole event; no bytes at all where there are no data. */
  event(parts: readonly Uint8Array[], end: ChunkEnd): Uint8Array;
}

function head({ next }: ChunkEnd): string {
  return `id: ${formatPosition(next)}\nevent: data\n`;
}

const NOTHING = new Uint8Array(0);

/** A line a message, each with a comma behind it, which the last one loses. */
const JSON_DATA: Data = {
  encode(batch) {
    let text = '';
    for (const event of batch.events) text += `data:${escapeLineBreaks(messageText(event, batch))},\n`;
    return Buffer.from(text);
  },
  event(parts, end) {
    const begin = `${head(end)}data:[\n`;
    const body = joined(parts, begin.length);
    body.write(begin, 'latin1');
    return Buffer.concat([body.subarray(0, -2), JSON_END]);
  },
};
const JSON_END = Buffer.from('\ndata:]\n\n');

/** Decoded where they are put together, so that a character may begin in one append and end in the next. */
const TEXT_DATA: Data = {
  encode: bytesOf,
  event(parts, end) {
    const text = joined(parts, 0).toString('utf8');
    if (text === '') return NOTHING;
    return Buffer.from(`${head(end)}${text.split(BREAK).map(line).join('')}\n`);
  },
};
// A reader takes one space away.
function line(text: string): string {
  return text.startsWith(' ') ? `data: ${text}\n` : `data:${text}\n`;
}
const BREAK = /\r\n|\r|\n/;

const BYTES_DATA: Data = {
  encode: bytesOf,
  event(parts, end) {
    const bytes = joined(parts, 0);
    return bytes.length === 0 ? NOTHING : Buffer.from(`${head(end)}data:${bytes.toString('base64')}\n\n`);
  },
};

const DATA: Readonly<Record<ContentKind, Data>> = { json: JSON_DATA, text: TEXT_DATA, bytes: BYTES_DATA };
