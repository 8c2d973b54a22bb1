import { comparePositions, parsePosition, type SseMessage } from '@playhead/protocol';
import { asRecord, textOf } from './client.ts';
import { type Command, type Given, OUTPUT_FLAG } from './command.ts';
import { durationMs } from './duration.ts';
import { EXIT } from './exit-code.ts';
import { usageFailure } from './failure.ts';
import { followEvents } from './follow-events.ts';
import type { Io } from './io.ts';
import { onInterrupt } from './on-interrupt.ts';
import { patienceFlag, patienceOf } from './patience.ts';
import { offsetOf, printPieces } from './print-pieces.ts';
import { proofLines, provenPages } from './proven-pages.ts';
import { streamPath } from './stream-argument.ts';
import { oneTarget, type StreamTarget, TARGET_ABOUT, TARGET_FLAGS } from './stream-target.ts';

export const tail: Command = {
  name: 'tail',
  summary: "show a stream's events, old ones and new ones",
  usage: ['tail [flags] STREAM'],
  about: `${TARGET_ABOUT}

Begins with the earliest event that is kept, unless told otherwise, and goes on with what comes until the stream is
closed or Ctrl-C. If the connection drops it goes on where it was. If events are no longer kept, or lost, that is said
on stderr. What is given by its URL is shown as \`playhead read --live\` shows it: other servers keep no types and times.`,
  flags: {
    after: {
      type: 'string',
      value: 'POSITION',
      meaning: 'Begin behind a position; or: start (default), live',
    },
    since: {
      type: 'string',
      value: 'TIME',
      meaning: 'Begin at a time: how long ago (10m), or ISO 8601; by name only',
    },
    follow: {
      type: 'boolean',
      short: 'f',
      meaning: 'Wait for more (default); --no-follow ends at the newest event',
    },
    proof: {
      type: 'boolean',
      meaning: 'Save with proof, for `playhead verify FILE`; needs -o json, does not follow; by name only',
    },
    ...patienceFlag(),
    ...OUTPUT_FLAG,
    ...TARGET_FLAGS,
  },
  takes: 'words',
  examples: [
    'playhead tail commands/cmd_…',
    'playhead tail notes/today --since 10m -o json | jq .data',
    'playhead tail notes/today --proof -o json > today.ndjson',
    'playhead tail https://example.com/v1/stream/today',
  ],
  run: runTail,
};

async function runTail(given: Given, io: Io): Promise<number> {
  const target = oneTarget(given.words, given, io);
  const since = sinceOf(given.text('since'));
  const after = given.text('after');
  if (after !== undefined && since !== undefined) throw usageFailure('Give --after or --since, not both.');
  if (target.name === undefined) return tailUrl(target, given, io);
  const from = positionOf(after);
  if (given.is('proof') === true) return save(given, io, target, from);
  const left = new AbortController();
  using _interrupts = onInterrupt(() => left.abort());
  io.readerGone.addEventListener('abort', () => left.abort());
  const events = followEvents({
    client: target.client,
    path: `${streamPath(target.name)}?envelope=true&${since === undefined ? `after=${from}` : sinceQuery(since)}`,
    signal: left.signal,
    known: false,
    patienceMs: patienceOf(given),
    // Until the first event has come, what the receipt says is where to go on: `live` would skip what came since.
    resumeOf: (message) => (message.event === 'receipt' ? textOf(receiptOf(message)['from']) : undefined),
    changed: (connected) =>
      io.note(connected ? 'connected again' : 'the connection is lost; looking for the server'),
  });
  const json = given.text('output') === 'json';
  const end = given.is('follow') === false ? new End() : undefined;
  for await (const messages of events) {
    let text = '';
    for (const message of messages) {
      if (message.event === 'receipt') {
        const receipt = receiptOf(message);
        if (receipt['gap'] === true) warnOfGap(receipt, io);
        end?.set(receipt);
      } else if (end?.reached !== true) {
        const event = asRecord(JSON.parse(message.data));
        end?.pass(event);
        if (since === undefined || Date.parse(textOf(event['time']) ?? '') >= since) {
          text += json ? `${message.data}\n` : lineOf(event);
        }
      }
    }
    await io.print(text);
    if (end?.reached === true) return EXIT.done;
  }
  return EXIT.done;
}

function tailUrl(target: StreamTarget, given: Given, io: Io): Promise<number> {
  if (given.text('since') !== undefined || given.is('proof') === true) {
    throw usageFailure('--since and --proof go with a stream that is given by its name.');
  }
  const from = offsetOf(given.text('after'));
  return printPieces({ target, from, live: given.is('follow') !== false }, given, io);
}

function positionOf(after: string | undefined): string {
  const from = after === '-1' ? 'start' : after === 'now' ? 'live' : (after ?? 'start');
  if (from === 'start' || from === 'live' || parsePosition(from) !== undefined) return from;
  throw usageFailure(
    `${from} is not a position.`,
    'Positions are tokens that the server gave; or start, or live.',
  );
}

function sinceQuery(since: number): string {
  return `since=${encodeURIComponent(new Date(since).toISOString())}`;
}

/** Where a reader that does not wait has seen everything. */
class End {
  #latest: string | undefined;
  reached = false;

  /** The first receipt says what was there when it began to read. */
  set(receipt: Readonly<Record<string, unknown>>): void {
    this.#latest ??= textOf(receipt['latest']);
    this.pass({ position: receipt['from'] });
  }

  pass(event: Readonly<Record<string, unknown>>): void {
    const at = parsePosition(textOf(event['position']) ?? '');
    const latest = parsePosition(this.#latest ?? '');
    if (at !== undefined && latest !== undefined) this.reached = comparePositions(at, latest) >= 0;
  }
}

/** Writes what is kept with its proof, page by page. */
async function save(given: Given, io: Io, { client, name }: StreamTarget, from: string): Promise<number> {
  if (given.text('output') !== 'json' || given.is('follow') === true || given.text('since') !== undefined) {
    throw usageFailure('--proof goes with -o json, and neither with --follow nor with --since.');
  }
  for await (const page of provenPages(client, name ?? '', from)) {
    await io.print(proofLines(page));
    if (io.readerGone.aborted) break;
  }
  return EXIT.done;
}

function receiptOf(message: SseMessage): Readonly<Record<string, unknown>> {
  return asRecord(JSON.parse(message.data));
}

function warnOfGap({ missed, from }: Readonly<Record<string, unknown>>, io: Io): void {
  const many = typeof missed === 'number' ? `${missed} events are` : 'Events may be';
  io.warn(`${many} missing before ${textOf(from) ?? 'what follows'}: they are no longer kept.`);
}

/** `12:03:01.123 output {"line":"…"}`: for people, so in their own time zone. */
function lineOf(event: Readonly<Record<string, unknown>>): string {
  const time = new Date(textOf(event['time']) ?? '');
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map((n) =>
    String(n).padStart(2, '0'),
  );
  const millis = String(time.getMilliseconds()).padStart(3, '0');
  const data = event['redacted'] === true ? '(redacted)' : JSON.stringify(event['data']);
  return `${clock.join(':')}.${millis} ${textOf(event['type']) ?? ''} ${data}\n`;
}

/** A time in ms since 1970, out of how long ago it was, or of ISO 8601. */
function sinceOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Date.now() - durationMs(text, '--since');
  if (Number.isNaN(time)) throw usageFailure(`${text} is not a time.`);
  return time;
}
