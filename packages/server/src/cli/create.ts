import { asRecord, textOf } from './client.ts';
import { type Command, type Given } from './command.ts';
import { CONTENT_FLAGS, contentTypeOf } from './content-flags.ts';
import { CREATE_FLAGS, lifetimeHeaders, ttlSeconds } from './create-headers.ts';
import { askFor, HEADER, isJson, nextOf } from './durable-stream.ts';
import { EXIT } from './exit-code.ts';
import { usageFailure } from './failure.ts';
import type { Io } from './io.ts';
import { oneTarget, type StreamTarget, TARGET_ABOUT, TARGET_FLAGS } from './stream-target.ts';
import { streamPath } from './stream-argument.ts';

export const create: Command = {
  name: 'create',
  summary: 'make a stream',
  usage: ['create [flags] STREAM [DATA]'],
  about: `${TARGET_ABOUT}

It holds JSON unless it is told otherwise. DATA is the first that it holds. Prints the offset behind its newest data.
A stream that is there already and was made in the same way is left as it is; one that was made in another is an error.`,
  flags: {
    ...CONTENT_FLAGS,
    closed: { type: 'boolean', meaning: 'DATA is all that it will ever hold' },
    volatile: { type: 'boolean', meaning: 'Keep it in memory only: for pictures, not for facts' },
    ...CREATE_FLAGS,
    ...TARGET_FLAGS,
  },
  takes: 'words',
  examples: [
    'playhead create notes/today',
    'playhead create --ttl 12h --content-type text/plain logs/build',
    `playhead create --closed https://example.com/v1/stream/answer '{"is": 42}'`,
  ],
  run: runCreate,
};

async function runCreate(given: Given, io: Io): Promise<number> {
  const [word, data, ...others] = given.words;
  if (others.length > 0) throw usageFailure('Give the data as one word.', 'Quote JSON for your shell.');
  const target = oneTarget(word === undefined ? [] : [word], given, io);
  if (given.is('volatile') === true) {
    await io.print(`${await createVolatile(target, data, given)}\n`);
    return EXIT.done;
  }
  const contentType = contentTypeOf(given) ?? 'application/json';
  const { headers } = await askFor(target, {
    method: 'PUT',
    headers: {
      'content-type': contentType,
      ...(given.is('closed') === true ? { [HEADER.closed]: 'true' } : {}),
      ...lifetimeHeaders(given),
    },
    ...(data === undefined ? {} : { body: isJson(contentType) ? `[${checkedJson(data)}]` : data }),
  });
  await io.print(`${nextOf(target, headers)}\n`);
  return EXIT.done;
}

/** Only Playhead has them, and the Durable Streams protocol has no word for them. */
async function createVolatile(
  { name, client }: StreamTarget,
  data: string | undefined,
  given: Given,
): Promise<string> {
  if (name === undefined) throw usageFailure('--volatile goes with the name of a stream.');
  const others = ['content-type', 'expires-at'].filter((flag) => given.text(flag) !== undefined);
  if (data !== undefined || given.is('closed') === true || others.length > 0) {
    throw usageFailure('A volatile stream is made empty and open, holds JSON, and may have a --ttl.');
  }
  const ttl = given.text('ttl');
  const made = await client.json('PUT', streamPath(name), {
    durability: 'volatile',
    ...(ttl === undefined ? {} : { ttl_seconds: ttlSeconds(ttl) }),
  });
  return textOf(asRecord(made)['position']) ?? '';
}

function checkedJson(data: string): string {
  try {
    JSON.parse(data);
    return data;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw usageFailure('The data is not JSON.', 'With --content-type it may be anything.');
  }
}
