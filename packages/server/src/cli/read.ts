import { type Command, type Given, OUTPUT_FLAG } from './command.ts';
import type { Io } from './io.ts';
import { patienceFlag } from './patience.ts';
import { offsetOf, printPieces } from './print-pieces.ts';
import { oneTarget, TARGET_ABOUT, TARGET_FLAGS } from './stream-target.ts';

export const read: Command = {
  name: 'read',
  summary: 'write what a stream holds to stdout',
  usage: ['read [flags] STREAM'],
  about: `${TARGET_ABOUT}

Messages of a stream of JSON come out a line each, anything else as the bytes that it is, exactly. With -o json each
line is what the server gave at once: {"next": OFFSET, "messages": […]}, with "data" in base64 where it is bytes, and
"closed" where it is the end. If the connection drops it goes on where it was.`,
  flags: {
    after: {
      type: 'string',
      value: 'OFFSET',
      meaning: 'Begin behind an offset; or: start (default), live. Write --after=-1',
    },
    live: { type: 'boolean', short: 'f', meaning: 'Go on with what comes, until the stream is closed' },
    ...patienceFlag(),
    ...OUTPUT_FLAG,
    ...TARGET_FLAGS,
  },
  takes: 'words',
  examples: [
    'playhead read notes/today',
    'playhead read --live https://example.com/v1/stream/build-17/log > build.log',
    'playhead read -o json notes/today | tail -n 1 | jq -r .next',
    'playhead read -H "Authorization: Bearer $TOKEN" https://example.com/v1/stream/a',
  ],
  run: runRead,
};

function runRead(given: Given, io: Io): Promise<number> {
  const target = oneTarget(given.words, given, io);
  return printPieces(
    { target, from: offsetOf(given.text('after')), live: given.is('live') === true },
    given,
    io,
  );
}
