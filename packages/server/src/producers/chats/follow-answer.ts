import { formatOffset, type Position } from '@playhead/protocol';
import type { Encoding, EndReason, Hub, Subscription } from '../../hub/hub.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import { type AnswerEvent, answerEventOf } from './events.ts';

/** An event of an answer and its position. */
export interface Followed {
  readonly position: string;
  readonly event: AnswerEvent;
}

/** Events that wait for their reader; beyond it the log is not read for it. */
const WAITING = 1_000;

/**
 * An answer from a position on, live, to its `done`; it is read through the hub, so that any number of readers share
 * what was read once. Ends early, without `done`, if the server goes away or the stream is deleted, and when `signal`
 * is aborted. What is lost to retention is skipped. Resolves to undefined if there is no such answer.
 */
export async function followAnswer(
  hub: Hub,
  key: StreamKey,
  from: Position | 'start',
  signal: AbortSignal,
): Promise<AsyncIterable<Followed, void, void> | undefined> {
  const waiting: Followed[] = [];
  let wake: () => void = () => undefined;
  let ended: EndReason | undefined;
  const attached = await hub.attach(
    { key, from, delivery: 'every' },
    {
      encoding: LINES,
      receipt: () => undefined,
      write(chunk) {
        for (const line of Buffer.from(chunk).toString().split('\n')) {
          if (line === '') continue;
          const [position, type, data] = JSON.parse(line) as [string, string, unknown];
          const event = answerEventOf(type, data);
          if (event !== undefined) waiting.push({ position, event });
        }
        wake();
        return waiting.length < WAITING;
      },
      end(reason) {
        ended = reason;
        wake();
      },
    },
  );
  switch (attached.kind) {
    case 'missing':
      return undefined;
    case 'finished':
    case 'draining':
      return { [Symbol.asyncIterator]: () => nothing() };
    case 'attached':
      return { [Symbol.asyncIterator]: () => events(attached.subscription) };
  }

  async function* events(subscription: Subscription): AsyncGenerator<Followed, void, void> {
    using _subscription = subscription;
    const onAbort = (): void => wake();
    signal.addEventListener('abort', onAbort);
    try {
      for (;;) {
        const next = waiting.shift();
        if (next !== undefined) {
          if (waiting.length === WAITING / 2) subscription.resume();
          yield next;
          if (next.event.type === 'done') return;
        } else if (ended !== undefined) {
          return;
        } else if (!signal.aborted) {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
        if (signal.aborted) return;
      }
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }
}

async function* nothing(): AsyncGenerator<Followed, void, void> {}

// JSON lines of [position, type, data]: the data in the log are JSON on one line already.
const LINES: Encoding = {
  encode({ epoch, first, events }) {
    let text = '';
    events.forEach(({ type, data }, i) => {
      if (typeof data === 'string') text += `["${epoch}-${formatOffset(first + i)}","${type}",${data}]\n`;
    });
    return Buffer.from(text);
  },
  frame: (parts) => Buffer.concat(parts),
};
