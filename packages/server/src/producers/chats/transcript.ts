import { formatPosition, type Position } from '@playhead/protocol';
import type { Batch, EventLog, LogEvent } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import { type AnswerEvent, type Message, readAnswerEvent, readMessage } from './events.ts';

const PAGE = { events: 1_000, bytes: 1024 * 1024 };

/** Everything but text. */
type OtherEvent = Exclude<AnswerEvent, { readonly type: 'text' } | { readonly type: 'reasoning' }>;

/** A message, and when it was said (ms since 1970). */
export interface Said extends Message {
  readonly at: number;
}

/** The messages of a chat as they stand: what was tried again is replaced by what came of it. */
export async function readTranscript(log: EventLog, chat: StreamKey): Promise<readonly Said[]> {
  const said: Said[] = [];
  await readAll(log, chat, (event, batch) => {
    const message = readMessage(event);
    if (message === undefined) return;
    const replaced = said.findIndex(({ id }) => id === message.replaces);
    if (replaced >= 0) said.splice(replaced);
    said.push({ ...message, at: batch.time });
  });
  return said;
}

/** An answer as far as it was given, folded at an exact position of its stream (F11). */
export interface FoldedAnswer {
  readonly text: string;
  readonly reasoning: string;
  /** Behind the last event that is part of this. */
  readonly position: Position;
  /** Tool calls and their results, and how it ended, if it did. */
  readonly others: readonly OtherEvent[];
}

/** Undefined if there is no such answer. */
export async function foldAnswer(log: EventLog, answer: StreamKey): Promise<FoldedAnswer | undefined> {
  const text: string[] = [];
  const reasoning: string[] = [];
  const others: OtherEvent[] = [];
  const position = await readAll(log, answer, (event) => {
    const part = readAnswerEvent(event);
    if (part === undefined) return;
    switch (part.type) {
      case 'text':
        text.push(part.text);
        return;
      case 'reasoning':
        reasoning.push(part.text);
        return;
      default:
        others.push(part);
    }
  });
  if (position === undefined) return undefined;
  return { text: text.join(''), reasoning: reasoning.join(''), position, others };
}

/** Reads all that is retained; gives the position behind it. Undefined if there is no such stream. */
async function readAll(
  log: EventLog,
  key: StreamKey,
  take: (event: LogEvent, batch: Batch) => void,
): Promise<Position | undefined> {
  const bounds = await log.bounds(key);
  if (bounds === undefined) return undefined;
  let after = bounds.start;
  for (;;) {
    const slice = await log.read(key, after, PAGE);
    switch (slice.kind) {
      case 'missing':
        return undefined;
      case 'lost':
        after = slice.resume;
        continue;
      case 'events': {
        for (const batch of slice.batches) for (const event of batch.events) take(event, batch);
        if (slice.batches.length === 0 || formatPosition(slice.next) === formatPosition(slice.latest))
          return slice.next;
        after = slice.next;
      }
    }
  }
}
