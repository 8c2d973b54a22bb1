import { formatOffset, jsonLine, type Receipt } from '@playhead/protocol';
import type { Batch, EventData } from '../../log/event-log.ts';
import type { SseFace } from '../../transports/transport.ts';

/**
 * A command's stream as its document shows it: `output`, `complete` and `error` with the position as their id
 * (CM-17, D-9); everything else without one. `started` and `expiring` are ours alone, so here they are comments,
 * which every client skips. Fields stand in the order id, event, data, one line each (CM-13 … CM-15): the data
 * in the log are JSON on one line already.
 */
export const commandFace: SseFace = {
  preamble: (receipt) => connected(receipt, {}),
  encode,
  heartbeat: (now) => `event: heartbeat\ndata: {"timestamp":"${new Date(now).toISOString()}"}\n\n`,
  epilogue: () => '',
};

/** What `connected` tells besides the receipt. */
export interface Connected {
  readonly project?: string;
  readonly stream_id?: string;
  /** The reader named a position: it was here before (CM-19). */
  readonly reconnecting?: boolean;
}

/** The first event of every connection (CM-6), with the receipt in it (D-8). */
export function connected(receipt: Receipt, about: Connected): string {
  return `event: connected\ndata: ${jsonLine({ ...about, ...receipt })}\n\n`;
}

// Called once per batch of up to thousands of events, whoever watches: one concatenation per event, and
// whatever is the same for all of them is made once.
function encode(batch: Batch): string {
  const { events, first } = batch;
  const prefix = `id: ${batch.epoch}-`;
  let text = '';
  for (let i = 0; i < events.length; i++) {
    const event = events[i];
    if (event === undefined) continue;
    const { type, data } = event;
    if (type === 'output') {
      const json = typeof data === 'string' ? data : outputText(data);
      text += `${prefix}${formatOffset(first + i)}\nevent: output\ndata: ${json}\n\n`;
    } else if (type === 'complete' || type === 'error') {
      text += `${prefix}${formatOffset(first + i)}\nevent: ${type}\ndata: ${textOf(data)}\n\n`;
    } else {
      text += `: ${type}\n\n`;
    }
  }
  return text;
}

// Erased output keeps its two fields, because readers look for both (CM-7).
function outputText(data: EventData | null): string {
  return data === null ? '{"line":"","stream":"stdout","redacted":true}' : textOf(data);
}

function textOf(data: EventData | null): string {
  if (data === null) return '{"redacted":true}';
  return typeof data === 'string' ? data : Buffer.from(data).toString('utf8');
}
