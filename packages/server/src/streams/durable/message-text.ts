import type { Batch, LogEvent } from '../../log/event-log.ts';
import { MESSAGE } from './messages-of.ts';

/**
 * An event as a reader of a JSON stream sees it: a message is its bare value, an event of any other type the object
 * `{type, time, data}`, so that streams of every source can be read and nothing of them is lost. `time` as in the batch.
 */
export function messageText({ type, data }: LogEvent, batch: Batch): string {
  if (type === MESSAGE && typeof data === 'string') return data;
  const head = `{"type":"${type}","time":"${new Date(batch.time).toISOString()}","data":`;
  if (data === null) return `${head}null,"redacted":true}`;
  if (typeof data === 'string') return `${head}${data}}`;
  return `${head}"${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64')}","encoding":"base64"}`;
}
