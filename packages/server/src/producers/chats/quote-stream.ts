import { formatPosition, PlayheadError, type Position, parsePosition } from '@playhead/protocol';
import { allows, maySeeStream, type Principal } from '../../access/principal.ts';
import type { EventLog } from '../../log/event-log.ts';
import { streamKey } from '../../log/stream-key.ts';
import type { Attachment } from './events.ts';

/** Of one attachment, as it is given to a model. */
const BYTES = 16 * 1024;
const EVENTS = 20;

/**
 * A range of a stream as text for a model: a command's output, a page's events. Says where it is from, and never more
 * than the bound. Needs `streams:read`; what does not exist and what is another's are told alike.
 */
export async function quoteStream(
  log: EventLog,
  principal: Principal,
  { stream, after, limit = EVENTS }: Attachment,
): Promise<string> {
  if (!allows(principal, 'streams:read')) {
    throw new PlayheadError('forbidden', 'An attachment needs the scope streams:read.');
  }
  if (!maySeeStream(principal, stream)) throw missing(stream);
  const key = streamKey(principal.tenant, stream);
  const bounds = await log.bounds(key);
  if (bounds === undefined) throw missing(stream);
  const from = beginning(after, limit, bounds);
  const slice = await log.read(key, from, { events: limit, bytes: BYTES });
  switch (slice.kind) {
    case 'missing':
      throw missing(stream);
    case 'lost':
      throw new PlayheadError('position-lost', `attachments: ${stream} is not retained there any more.`);
    case 'events': {
      const lines = slice.batches.flatMap(({ epoch, first, events }) =>
        events.map(({ type, data }, i) => {
          const position = formatPosition({ epoch, offset: first + i });
          const shown = typeof data === 'string' ? data : `(${data?.length ?? 0} bytes)`;
          return `${position} ${type} ${shown}`;
        }),
      );
      return `From the stream ${stream}:\n${lines.join('\n').slice(0, BYTES)}`;
    }
  }
}

function beginning(
  after: string | undefined,
  limit: number,
  bounds: { readonly start: Position; readonly latest: Position },
): Position {
  if (after === 'start') return bounds.start;
  if (after !== undefined) {
    const position = parsePosition(after);
    if (position === undefined)
      throw new PlayheadError('invalid-position', 'attachments: `after` is a position, or `start`.');
    return position;
  }
  const { epoch, offset } = bounds.latest;
  return epoch === bounds.start.epoch && offset - limit <= bounds.start.offset
    ? bounds.start
    : { epoch, offset: Math.max(0, offset - limit) };
}

function missing(stream: string): PlayheadError {
  return new PlayheadError('stream-not-found', `attachments: there is no stream ${stream}.`);
}
