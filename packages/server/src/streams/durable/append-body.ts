import { PlayheadError } from '@playhead/protocol';
import type { Hub } from '../../hub/hub.ts';
import type { Appended, AppendGuard, AppendOptions, LogEvent } from '../../log/event-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import { bytesMessage, jsonMessages } from './messages-of.ts';
import { invalid } from './refusal.ts';

/** What is appended, whatever it came over. */
export interface BodyAppend {
  readonly body: Buffer;
  /** Of the body; undefined where there is none. */
  readonly mediaType: string | undefined;
  readonly close: boolean;
  readonly guard: AppendGuard | undefined;
  readonly ordinal: string | undefined;
}

/**
 * Appends a body, closes the stream, or both at once: one call of the log, made before this returns, so that calls made
 * one after the other are applied in that order.
 */
export function appendBody(hub: Hub, key: StreamKey, wanted: BodyAppend): Promise<Appended> {
  const { body, mediaType, close } = wanted;
  const events = mediaType === undefined ? nothing(close) : messages(body, mediaType);
  return hub.append(key, events, optionsOf(wanted));
}

function messages(body: Buffer, mediaType: string): LogEvent[] {
  if (mediaType !== 'application/json') return bytesMessage(body);
  const found = jsonMessages(body);
  if (found.length > 0) return found;
  throw new PlayheadError('invalid-request', 'An empty array appends nothing.');
}

function nothing(close: boolean): LogEvent[] {
  if (close) return [];
  throw invalid('The body is empty. Only Stream-Closed: true may come without one.');
}

// Member by member, since this is on the path of every append.
function optionsOf({ close, guard, ordinal, mediaType }: BodyAppend): AppendOptions {
  const options: { -readonly [Member in keyof AppendOptions]: AppendOptions[Member] } = {};
  if (close) options.close = true;
  if (guard !== undefined) options.guard = guard;
  if (ordinal !== undefined) options.ordinal = ordinal;
  if (mediaType !== undefined) options.mediaType = mediaType;
  return options;
}
