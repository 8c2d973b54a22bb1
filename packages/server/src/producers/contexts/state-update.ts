import type { Batch } from '../../log/event-log.ts';
import type { SocketRendering } from '../../transports/socket-face.ts';
import type { Dialect } from './client-message.ts';
import { sequenceNumber } from './sequence-number.ts';

/** A channel as it is told: its name, and what its numbers begin with. */
export interface ToldChannel {
  readonly name: string;
  /** Of the stream as it is now. */
  readonly epoch: string;
  readonly epochIndex: number;
}

/** Which members a client looks for: flat, in `data`, or both where its dialect is not known (D-27). */
export type UpdateForm = Dialect | 'both';

/** How a channel's events look on the socket: one message each. The events are JSON already. */
export function updateRendering(channel: ToldChannel, form: UpdateForm): SocketRendering {
  return {
    render(batch) {
      const messages: string[] = [];
      for (let i = 0; i < batch.events.length; i++) {
        const members = updateMembers(channel, batch, i);
        if (members === undefined) continue;
        if (form === 'flat') messages.push(`{"type":"state-update",${members}}`);
        else if (form === 'enveloped') messages.push(`{"type":"state-update","data":{${members}}}`);
        else messages.push(`{"type":"state-update",${members},"data":{${members}}}`);
      }
      return messages;
    },
  };
}

/** The same as one JSON text, for pages. Undefined for an event that was erased. */
export function updateJson(channel: ToldChannel, batch: Batch, index: number): string | undefined {
  const members = updateMembers(channel, batch, index);
  return members === undefined ? undefined : `{"type":"state-update",${members}}`;
}

// An event that was erased keeps its number: the next one's shows that one was there.
function updateMembers({ name, epochIndex }: ToldChannel, batch: Batch, index: number): string | undefined {
  const data = batch.events[index]?.data;
  if (typeof data !== 'string') return undefined;
  const number = sequenceNumber(epochIndex, batch.first + index);
  const publishedAt = new Date(batch.time).toISOString();
  return `"channel":"${name}","event":${data},"publishedAt":"${publishedAt}","sequenceNumber":${number}`;
}
