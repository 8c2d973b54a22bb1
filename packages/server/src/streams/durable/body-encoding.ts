import type { ChunkEnd, Encoding } from '../../hub/hub.ts';
import type { Batch, LogEvent } from '../../log/event-log.ts';
import type { ContentKind } from './content-kind.ts';
import { messageText } from './message-text.ts';

/** How the bodies of catch-up reads and long-polls are made. */
export interface BodyEncoding extends Encoding {
  /** Where a body that was made with an end does end. */
  endOf(body: Uint8Array): ChunkEnd | undefined;
}

/** One object a kind, since the hub shares bytes among those who wait with the same one. */
export function bodyEncoding(kind: ContentKind): BodyEncoding {
  return kind === 'json' ? JSON_BODIES : BYTE_BODIES;
}

/** The body of batches that nobody shares: the same bytes, made in one go. */
export function wholeBody(kind: ContentKind, batches: readonly Batch[]): Uint8Array {
  if (kind !== 'json') return joined(batches.map(bytesOf), 0);
  let text = '[';
  for (const batch of batches) {
    for (const event of batch.events) {
      if (text.length > 1) text += ',';
      text += messageText(event, batch);
    }
  }
  return Buffer.from(`${text}]`);
}

const JSON_BODIES: BodyEncoding = withEnds({
  encode(batch) {
    let text = '';
    for (const event of batch.events) text += `${messageText(event, batch)},`;
    return Buffer.from(text);
  },
  // Every element has a comma behind it: that of the last one makes room for the bracket.
  frame(parts) {
    const body = joined(parts, 1);
    body[0] = OPEN;
    if (body.length === 1) return EMPTY_ARRAY;
    body[body.length - 1] = CLOSE;
    return body;
  },
});

const BYTE_BODIES: BodyEncoding = withEnds({ encode: bytesOf, frame: (parts) => joined(parts, 0) });

/** The bytes of a batch in a stream of bytes; events that have none add nothing, such as a terminal's resizes. */
export function bytesOf({ events }: Batch): Uint8Array {
  const [only] = events;
  if (events.length === 1 && only !== undefined) return only.data instanceof Uint8Array ? only.data : NOTHING;
  return joined(events.map(dataOf), 0);
}

function dataOf({ data }: LogEvent): Uint8Array {
  return data instanceof Uint8Array ? data : NOTHING;
}

/** The parts in one piece of memory, behind `before` bytes that are left for the caller. */
export function joined(parts: readonly Uint8Array[], before: number): Buffer {
  let size = before;
  for (const part of parts) size += part.length;
  const whole = Buffer.allocUnsafe(size);
  let at = before;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function withEnds(encoding: Encoding): BodyEncoding {
  const ends = new WeakMap<Uint8Array, ChunkEnd>();
  return {
    ...encoding,
    frame(parts, end) {
      const body = encoding.frame(parts, end);
      if (end !== undefined) ends.set(body, end);
      return body;
    },
    endOf: (body) => ends.get(body),
  };
}

const OPEN = 91;
const CLOSE = 93;
const EMPTY_ARRAY = Buffer.from('[]');
const NOTHING = new Uint8Array(0);
