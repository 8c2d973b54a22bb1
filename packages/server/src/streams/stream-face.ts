import { formatOffset, jsonLine, type Receipt } from '@playhead/protocol';
import type { Batch } from '../log/event-log.ts';
import type { SseFace } from '../transports/transport.ts';
import { eventJson, textOf } from './event-json.ts';

/**
 * A stream on Server-Sent Events, each event mapped to the fields that SSE has: `id` is the position, `event` the
 * type, `data` the data alone. EventSource listeners name the types they want.
 */
export const mappedFace: SseFace = {
  preamble,
  heartbeat,
  epilogue: () => '',
  encode(batch) {
    const { events, first, epoch } = batch;
    const prefix = `id: ${epoch}-`;
    let text = '';
    let type = '';
    let head = '';
    for (let i = 0; i < events.length; i++) {
      const event = events[i];
      if (event === undefined) continue;
      if (event.type !== type) {
        type = event.type;
        head = `\nevent: ${eventName(type)}\ndata: `;
      }
      text += `${prefix}${formatOffset(first + i)}${head}${textOf(event)}\n\n`;
    }
    return text;
  },
};

/**
 * The same with `?envelope=true`: unnamed events, so that one `message` listener hears every type, and each
 * `data` is the whole event as in a page.
 */
export const envelopeFace: SseFace = {
  preamble,
  heartbeat,
  epilogue: () => '',
  encode(batch: Batch) {
    let text = '';
    const prefix = `id: ${batch.epoch}-`;
    for (let i = 0; i < batch.events.length; i++) {
      text += `${prefix}${formatOffset(batch.first + i)}\ndata: ${eventJson(batch, i)}\n\n`;
    }
    return text;
  },
};

function preamble(receipt: Receipt): string {
  return `event: receipt\ndata: ${jsonLine(receipt)}\n\n`;
}

function heartbeat(): string {
  return ': heartbeat\n\n';
}

/** EventSource takes an event named `error` for a lost connection, so ours is `problem`. */
function eventName(type: string): string {
  return type === 'error' ? 'problem' : type;
}
