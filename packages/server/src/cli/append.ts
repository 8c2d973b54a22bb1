import { asRecord, type Client, clientOf, textOf } from './client.ts';
import { type Command, type Given, SERVER_FLAGS } from './command.ts';
import { EXIT } from './exit-code.ts';
import { Failure, usageFailure } from './failure.ts';
import type { Io } from './io.ts';
import { readLines } from './read-lines.ts';
import { checkedName, streamPath } from './stream-argument.ts';

/** Events of one request, and characters: the server takes a body of 1 MiB unless it is set otherwise. */
const BATCH_EVENTS = 1_000;
const BATCH_LENGTH = 256 * 1024;
const PROGRESS_MS = 200;

export const append: Command = {
  name: 'append',
  summary: 'add events to a stream',
  usage: ['append [flags] STREAM DATA', 'append [flags] STREAM [-] < EVENTS'],
  about: `DATA is JSON; with --text it is taken as a string. Without DATA, or with -, events come from stdin, one JSON
document a line: the data of an event with --type, else {"type": …, "data": …}, as \`tail -o json\` writes them.
Prints the position of the last event once all of them are committed. If it fails half-way it says how many are.`,
  flags: {
    type: {
      type: 'string',
      short: 't',
      value: 'TYPE',
      meaning: 'The type of the events (default for DATA: message)',
    },
    text: { type: 'boolean', meaning: 'Take DATA, or each line, as text instead of JSON' },
    ...SERVER_FLAGS,
  },
  takes: 'words',
  examples: [
    `playhead append notes/today '{"text": "hello"}'`,
    'playhead append --text notes/today hello',
    'tail -f app.log | playhead append --text --type line logs/app',
    'playhead tail notes/today -o json --no-follow | playhead append notes/copy',
  ],
  run: runAppend,
};

interface Event {
  readonly type: string;
  readonly data: unknown;
}

async function runAppend(given: Given, io: Io): Promise<number> {
  const [stream, data, ...others] = given.words;
  if (stream === undefined || others.length > 0) {
    throw usageFailure('Name a stream, and give the data as one word.', 'Quote JSON for your shell.');
  }
  const name = checkedName(stream);
  const client = clientOf(given, io);
  if (data !== undefined && data !== '-') {
    const event = { type: given.text('type') ?? 'message', data: dataOf(data, given) };
    await io.print(`${await send(client, name, [event])}\n`);
    return EXIT.done;
  }
  if (process.stdin.isTTY) io.note('reading events from the terminal, one a line; Ctrl-D ends');
  const progress = progressOf(io);
  let position = '';
  for await (const batch of batches(given, () => committed(progress.sent, position))) {
    try {
      position = await send(client, name, batch);
    } catch (error) {
      progress.end();
      if (!(error instanceof Failure)) throw error;
      throw new Failure(error.exit, `${error.message} ${committed(progress.sent, position)}`, error.hint);
    }
    progress.add(batch.length);
  }
  progress.end();
  if (position !== '') await io.print(`${position}\n`);
  return EXIT.done;
}

function committed(events: number, position: string): string {
  return events === 0
    ? 'Nothing was appended.'
    : `The first ${events} events are committed, up to ${position}.`;
}

async function send(client: Client, name: string, events: readonly Event[]): Promise<string> {
  const answer = asRecord(await client.json('POST', streamPath(name), { events }));
  return textOf(answer['position']) ?? '';
}

/**
 * Events from stdin in batches that a request takes. A batch goes as soon as no further line is there already, so that
 * a slow source is not held back.
 */
async function* batches(given: Given, soFar: () => string): AsyncGenerator<readonly Event[]> {
  let batch: Event[] = [];
  let length = 0;
  let line = 0;
  for await (const lines of readLines(process.stdin)) {
    for (const text of lines) {
      line++;
      if (text.trim() === '' && given.is('text') !== true) continue;
      if (batch.length === BATCH_EVENTS || (batch.length > 0 && length + text.length > BATCH_LENGTH)) {
        yield batch;
        [batch, length] = [[], 0];
      }
      batch.push(eventOf(text, given, line, soFar));
      length += text.length;
    }
    if (batch.length > 0) yield batch;
    [batch, length] = [[], 0];
  }
}

function eventOf(text: string, given: Given, line: number, soFar: () => string): Event {
  const type = given.text('type');
  if (given.is('text') === true) return { type: type ?? 'message', data: text };
  const value = parsed(text);
  if (value === undefined) throw new Failure(EXIT.failed, `Line ${line} is not JSON. ${soFar()}`, AS_TEXT);
  if (type !== undefined) return { type, data: value.json };
  const event = asRecord(value.json);
  const own = textOf(event['type']);
  if (own !== undefined && 'data' in event) return { type: own, data: event['data'] };
  throw new Failure(
    EXIT.failed,
    `Line ${line} is not {"type": …, "data": …}. ${soFar()}`,
    'With --type T each line is the data of an event.',
  );
}

const AS_TEXT = 'With --text it is taken as it is.';

function dataOf(text: string, given: Given): unknown {
  if (given.is('text') === true) return text;
  const value = parsed(text);
  if (value === undefined) throw usageFailure('The data is not JSON.', AS_TEXT);
  return value.json;
}

function parsed(text: string): { readonly json: unknown } | undefined {
  try {
    return { json: JSON.parse(text) as unknown };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** A count on stderr for whoever watches a long append. */
function progressOf(io: Io) {
  let shown = 0;
  const progress = {
    sent: 0,
    add(events: number): void {
      progress.sent += events;
      const now = performance.now();
      if (!io.interactive || now - shown < PROGRESS_MS) return;
      shown = now;
      void io.printError(`\r${progress.sent} events`);
    },
    end(): void {
      if (shown > 0) void io.printError(`\r${progress.sent} events\n`);
    },
  };
  return progress;
}
