import { escapeLineBreaks, formatOffset } from '@playhead/protocol';
import type { Batch, LogEvent } from '../log/event-log.ts';

/**
 * The JSON of one event of a batch as our own faces show it, on one line: a `StreamEvent` of the protocol. Built
 * as text, because the data already is JSON text: parsing it only to print it again is most of the cost.
 */
export function eventJson(batch: Batch, index: number): string {
  const event = batch.events[index];
  if (event === undefined) throw new RangeError(`a batch of ${batch.events.length} has no event ${index}`);
  const position = `${batch.epoch}-${formatOffset(batch.first + index)}`;
  const time = new Date(batch.time).toISOString();
  const mark =
    event.data === null ? ',"redacted":true' : typeof event.data === 'string' ? '' : ',"encoding":"base64"';
  return `{"position":"${position}","type":"${event.type}","time":"${time}","data":${textOf(event)}${mark}}`;
}

/** An event's data as JSON on one line: text is JSON already, bytes become base64, what was erased null. */
export function textOf({ data }: LogEvent): string {
  if (data === null) return 'null';
  if (typeof data === 'string') return escapeLineBreaks(data);
  return `"${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')}"`;
}
