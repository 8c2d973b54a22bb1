import { PlayheadError, type Position } from '@playhead/protocol';
import type { Bounds, EventLog, ForkOptions, LogEvent } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import { contentKind } from './content-kind.ts';
import { checkMade, firstMessages, hasType, type Made, type Wish } from './making.ts';
import type { ForkRequest } from './fork-headers.ts';
import { bytesMessage } from './messages-of.ts';
import { invalid, whyMissing } from './refusal.ts';
import type { Lifetime } from './request-headers.ts';

/** Makes a stream that begins with what another one has, up to a place in it; or finds that it was made just so. */
export async function makeFork(
  log: EventLog,
  source: StreamKey,
  wish: Wish,
  request: ForkRequest,
): Promise<Made> {
  const bounds = await log.bounds(source);
  if (bounds === undefined) throw await missing(log, source);
  const { contentType = bounds.contentType, closed } = wish;
  if (!hasType(bounds, contentType)) {
    throw new PlayheadError('conflict', `The source's content type is ${bounds.contentType}.`);
  }
  const { at, prefix, part } = await placeOf(log, source, bounds, request);
  const first = firstMessages(wish.body, contentType);
  const lifetime = lifetimeOf(wish, bounds);
  const options: ForkOptions = {
    ...{ contentType: bounds.contentType, closed, ...lifetime },
    events: prefix === undefined ? first : [...prefix, ...first],
    ...(part === undefined ? {} : { part }),
  };
  const made = await log.fork(source, at, wish.key, options);
  if (made.kind === 'missing') throw await missing(log, source);
  if (made.kind === 'lost') throw invalid('The source does not hold this offset.');
  return checkMade(made, (there) => {
    const from = there.forkedFrom;
    // Without an offset the request means the end that the source had when it was made first.
    const samePlace = request.at === undefined || (from?.at.offset === at.offset && from.part === part);
    const sameLife = there.ttl === lifetime.ttl && there.expiresAt === lifetime.expiresAt;
    return (
      from?.source === source &&
      samePlace &&
      sameLife &&
      there.closed === closed &&
      hasType(there, contentType)
    );
  });
}

/** A fork that says nothing of its own lives as its source does. */
function lifetimeOf({ ttl, expiresAt }: Wish, source: Bounds): Lifetime {
  const own = ttl !== undefined || expiresAt !== undefined;
  const from = own ? { ttl, expiresAt } : source;
  return {
    ...(from.ttl === undefined ? {} : { ttl: from.ttl }),
    ...(from.expiresAt === undefined ? {} : { expiresAt: from.expiresAt }),
  };
}

async function missing(log: EventLog, source: StreamKey): Promise<PlayheadError> {
  const why = await whyMissing(log, source);
  if (why.code !== 'stream-gone') return why;
  return new PlayheadError('conflict', 'The source was deleted, though forks of it are left.');
}

interface Place {
  readonly at: Position;
  /** What the fork's own first event repeats of the event behind `at`, and how many bytes that is. */
  readonly prefix?: LogEvent[];
  readonly part?: number;
}

async function placeOf(
  log: EventLog,
  source: StreamKey,
  bounds: Bounds,
  { at, part }: ForkRequest,
): Promise<Place> {
  const anchor = at === undefined ? bounds.latest : at === 'start' ? bounds.start : at;
  if (part === 0) return { at: anchor };
  const json = contentKind(bounds.contentType) === 'json';
  return json ? behindMessages(log, source, anchor, part) : behindBytes(log, source, anchor, part);
}

/** A part names a place up to the next boundary of what was appended together. */
async function behindMessages(
  log: EventLog,
  source: StreamKey,
  anchor: Position,
  part: number,
): Promise<Place> {
  if (part > LONGEST_BATCH) throw beyond();
  const slice = await log.read(source, anchor, { events: part, bytes: Number.MAX_SAFE_INTEGER });
  const batch = slice.kind === 'events' ? slice.batches[0] : undefined;
  if (batch === undefined || batch.events.length < part) throw beyond();
  return { at: { epoch: batch.epoch, offset: batch.first + part - 1 } };
}

async function behindBytes(log: EventLog, source: StreamKey, anchor: Position, part: number): Promise<Place> {
  for (let after = anchor; ; ) {
    const slice = await log.read(source, after, { events: LONGEST_BATCH, bytes: 1 });
    if (slice.kind !== 'events' || slice.batches.length === 0) throw beyond();
    for (const { epoch, first, events } of slice.batches) {
      const index = events.findIndex(({ data }) => data instanceof Uint8Array && data.length > 0);
      const data = events[index]?.data;
      if (!(data instanceof Uint8Array)) continue;
      if (part > data.length) throw beyond();
      if (part === data.length) return { at: { epoch, offset: first + index } };
      const prefix = bytesMessage(Buffer.from(data.buffer, data.byteOffset, part));
      return { at: { epoch, offset: first + index - 1 }, prefix, part };
    }
    after = slice.next;
  }
}

/** What one append holds at most. */
const LONGEST_BATCH = 10_000;

function beyond(): PlayheadError {
  return invalid('Stream-Fork-Sub-Offset lies behind what was appended there.');
}
