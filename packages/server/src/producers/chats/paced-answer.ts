import { jsonLine } from '@playhead/protocol';
import type { Clock } from '../../runtime/clock.ts';
import type { AnswerEvent } from './events.ts';
import type { EventWriter } from './event-writer.ts';
import type { Followed } from './follow-answer.ts';

export interface Pace {
  /** Between two events, ms. */
  readonly gapMs: number;
  /** Of one event's text, in UTF-8. */
  readonly textBytes: number;
}

/** Text that waits to be said; beyond it the answer is not read on. */
const WAITING = 64 * 1024;

/**
 * An answer as the documented call gives it: `chunk` … `done`, at most one event in `gapMs`. Its readers split every
 * network read into lines and drop what does not parse, so no read may end inside an event: events are short, each is
 * one write, and between two of them the reader has time to take the first (D-13). Text that comes meanwhile is merged.
 */
export async function writePaced(
  answer: AsyncIterable<Followed, void, void>,
  writer: EventWriter,
  clock: Clock,
  pace: Pace,
): Promise<void> {
  let waiting = '';
  let last: AnswerEvent[] = [];
  let over = false;
  let wake: () => void = () => undefined;
  const signalled = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });

  async function collect(): Promise<void> {
    try {
      for await (const { event } of answer) {
        if (event.type === 'text') waiting += event.text;
        else if (event.type === 'error' || event.type === 'done') last.push(event);
        wake();
        while (waiting.length > WAITING && !writer.gone.aborted) await pause(clock, pace.gapMs);
      }
    } finally {
      over = true;
      wake();
    }
  }

  const collecting = collect();
  while (!writer.gone.aborted) {
    if (waiting !== '') {
      const text = takeText(waiting, pace.textBytes);
      waiting = waiting.slice(text.length);
      await writer.write(`data: ${jsonLine({ type: 'chunk', text })}\n\n`);
      await pause(clock, pace.gapMs);
    } else if (over) {
      break;
    } else {
      await signalled();
    }
  }
  for (const event of last) {
    await writer.write(frame(event));
    if (event.type !== 'done') await pause(clock, pace.gapMs);
  }
  last = [];
  await collecting;
}

function frame(event: AnswerEvent): string {
  if (event.type === 'error') {
    const { code, message, reason } = event;
    return `data: ${jsonLine({ type: 'error', code, message, ...(reason === undefined ? {} : { reason }) })}\n\n`;
  }
  if (event.type !== 'done') return '';
  const { ending } = event;
  return `data: ${jsonLine({ type: 'done', ...(ending === 'completed' ? {} : { ending }) })}\n\n`;
}

/** The beginning of a text that takes at most so many bytes; at least one character, and none is cut. */
function takeText(text: string, bytes: number): string {
  // A UTF-16 unit takes at most three bytes of UTF-8.
  if (text.length * 3 <= bytes) return text;
  let size = 0;
  let end = 0;
  for (const character of text) {
    size += Buffer.byteLength(character);
    if (size > bytes && end > 0) break;
    end += character.length;
  }
  return text.slice(0, end);
}

function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve);
  });
}
