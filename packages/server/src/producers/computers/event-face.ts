import { formatOffset, jsonLine } from '@playhead/protocol';
import type { Batch, EventData } from '../../log/event-log.ts';
import type { SseFace } from '../../transports/transport.ts';

/**
 * A computer's stream on Server-Sent Events: every event has its position as `id:`, and its JSON's `type` as
 * `event:`, but `problem` where that is `error`, which EventSource would take for a lost connection (D-9, D-41).
 * The receipt and proof of life are comments (D-8).
 */
export const computerFace: SseFace = {
  preamble: (receipt) => `: receipt ${jsonLine(receipt)}\n\n`,
  encode(batch) {
    const prefix = `id: ${batch.epoch}-`;
    let text = '';
    batch.events.forEach(({ type, data }, i) => {
      const name = type === 'error' ? 'problem' : type;
      text += `${prefix}${formatOffset(batch.first + i)}\nevent: ${name}\ndata: ${eventText(type, data)}\n\n`;
    });
    return text;
  },
  heartbeat: () => ': heartbeat\n\n',
  epilogue: () => '',
};

/** An event's JSON. One that was erased keeps its type. */
function eventText(type: string, data: EventData | null): string {
  if (data === null) return `{"type":"${type}","redacted":true}`;
  return typeof data === 'string' ? data : Buffer.from(data).toString('utf8');
}

/** An event with its position in it, for faces that have no other place for it. */
export function positionedText(batch: Batch, index: number): string {
  const event = batch.events[index];
  if (event === undefined) return '{}';
  const text = eventText(event.type, event.data);
  return `{"position":"${batch.epoch}-${formatOffset(batch.first + index)}",${text.slice(1)}`;
}
