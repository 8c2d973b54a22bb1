import { type Batch, batches, batchOf, type InputOptions, type Unit } from './append-input.ts';
import { Refusal } from './client.ts';
import type { Command, Given } from './command.ts';
import { CONTENT_FLAGS, contentTypeOf } from './content-flags.ts';
import { isJson, stateOf } from './durable-stream.ts';
import { EXIT } from './exit-code.ts';
import { Failure, usageFailure } from './failure.ts';
import type { Io } from './io.ts';
import { patienceFlag, patienceOf } from './patience.ts';
import { type StreamTarget, streamTarget, TARGET_ABOUT, TARGET_FLAGS } from './stream-target.ts';
import { createWriter, type Writer } from './writer.ts';

const PROGRESS_MS = 200;

export const append: Command = {
  name: 'append',
  summary: 'add to a stream',
  usage: ['append [flags] STREAM DATA', 'append [flags] STREAM [-] < INPUT'],
  about: `${TARGET_ABOUT}

DATA is JSON; with --text it is taken as a string. Without DATA, or with -, stdin is read, one JSON document a line: for
a name the data of an event with --type, else {"type": …, "data": …}, as \`tail -o json\` writes them; for a URL a
message. A stream that does not hold JSON takes DATA, or stdin, byte for byte.

Prints the offset behind the last once all of it is committed. An answer that is lost is asked for again, and nothing
is added twice. If it fails half-way it says how much is committed.`,
  flags: {
    type: {
      type: 'string',
      short: 't',
      value: 'TYPE',
      meaning: 'The type of the events (default for DATA: message)',
    },
    text: { type: 'boolean', meaning: 'Take DATA, or each line, as text instead of JSON' },
    close: { type: 'boolean', meaning: 'Close the stream behind it' },
    ...patienceFlag('How long to go on trying while the server is gone'),
    ...CONTENT_FLAGS,
    ...TARGET_FLAGS,
  },
  takes: 'words',
  examples: [
    `playhead append notes/today '{"text": "hello"}'`,
    'playhead append --text notes/today hello',
    'tail -f app.log | playhead append --text --type line logs/app',
    'make 2>&1 | playhead append --close https://example.com/v1/stream/build-17/log',
    'playhead tail notes/today -o json --no-follow | playhead append notes/copy',
  ],
  run: runAppend,
};

async function runAppend(given: Given, io: Io): Promise<number> {
  const [word, data, ...others] = given.words;
  if (word === undefined || others.length > 0) {
    throw usageFailure('Name a stream, and give the data as one word.', 'Quote JSON for your shell.');
  }
  const target = streamTarget(word, given, io);
  const patienceMs = patienceOf(given);
  const contentType = await contentTypeFor(target, given);
  const unit = unitOf(target, contentType);
  if (unit !== 'events' && given.text('type') !== undefined) {
    throw usageFailure('--type goes with a stream of JSON that is given by its name: no other has types.');
  }
  const options = { unit, type: given.text('type'), text: given.is('text') === true };
  const writer = createWriter({
    target,
    unit,
    contentType,
    patienceMs,
    signal: new AbortController().signal,
    changed: (working) => io.note(working ? 'goes on' : 'the server does not take it; trying again'),
    doubtful: () =>
      io.warn(`the server of ${target.shown} does not know writers: what was sent again may be there twice`),
  });
  const close = given.is('close') === true;
  const next =
    data === undefined || data === '-'
      ? await appendInput(writer, options, close, io)
      : await writer.append(batchOf(data, options), close);
  if (next !== '') await io.print(`${next}\n`);
  return EXIT.done;
}

async function appendInput(writer: Writer, options: InputOptions, close: boolean, io: Io): Promise<string> {
  if (process.stdin.isTTY) io.note('reading from the terminal; Ctrl-D ends');
  const progress = progressOf(options.unit, io);
  let next = '';
  const send = async (batch: Batch, last: boolean): Promise<void> => {
    try {
      next = await writer.append(batch, last);
    } catch (error) {
      progress.end();
      if (!(error instanceof Failure)) throw error;
      throw new Failure(error.exit, `${error.message} ${progress.committed(next)}`, error.hint);
    }
    progress.add(batch.length);
  };
  for await (const batch of batches(process.stdin, options, () => progress.committed(next))) {
    await send(batch, false);
  }
  // Not with the last batch: that is the last one only once stdin has ended, and it must not wait for that.
  if (close) await send([], true);
  progress.end();
  return next;
}

/** What the stream holds: as it was said, else as the server says. Asking first also tells at once if nobody is there. */
async function contentTypeFor(target: StreamTarget, given: Given): Promise<string> {
  const said = contentTypeOf(given);
  try {
    const { contentType } = await stateOf(target);
    return said ?? contentType;
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    if (error.status === 404) {
      throw new Failure(
        EXIT.failed,
        `There is no stream ${target.shown}: create it first.`,
        `\`playhead create ${target.shown}\` makes it.`,
      );
    }
    // A key may be good for writing alone.
    if (said !== undefined) return said;
    if (target.name !== undefined) return 'application/json';
    throw new Failure(error.exit, error.message, 'Say what the stream holds with --json or --content-type.');
  }
}

function unitOf({ name }: StreamTarget, contentType: string): Unit {
  if (!isJson(contentType)) return 'bytes';
  return name === undefined ? 'messages' : 'events';
}

/** Counts what is committed; on stderr for whoever watches a long append. */
function progressOf(unit: Unit, io: Io) {
  let shown = 0;
  let sent = 0;
  return {
    add(count: number): void {
      sent += count;
      const now = performance.now();
      if (!io.interactive || now - shown < PROGRESS_MS) return;
      shown = now;
      void io.printError(`\r${sent} ${unit}`);
    },
    end(): void {
      if (shown > 0) void io.printError(`\r${sent} ${unit}\n`);
    },
    committed(next: string): string {
      return sent === 0 ? 'Nothing was appended.' : `The first ${sent} ${unit} are committed, up to ${next}.`;
    },
  };
}
