import type { Command, Given } from './command.ts';
import { CREATE_FLAGS, lifetimeHeaders } from './create-headers.ts';
import { ask, HEADER, nextOf, streamRefusal } from './durable-stream.ts';
import { EXIT } from './exit-code.ts';
import { usageFailure } from './failure.ts';
import type { Io } from './io.ts';
import { streamTarget, TARGET_ABOUT, TARGET_FLAGS } from './stream-target.ts';

export const fork: Command = {
  name: 'fork',
  summary: 'make a stream that goes on from a place in another',
  usage: ['fork [flags] STREAM NEW'],
  about: `${TARGET_ABOUT}

NEW is named in the same way, on the same server. It begins with what STREAM holds up to an offset, with the same
offsets, and goes on by itself: neither sees what is appended to the other. It is open even if STREAM is closed.
Prints the offset behind its newest data.`,
  flags: {
    at: { type: 'string', value: 'OFFSET', meaning: 'Where to part (default: the end of STREAM)' },
    more: {
      type: 'string',
      value: 'COUNT',
      meaning: 'Part so many messages, or bytes, behind the offset of --at',
    },
    ...CREATE_FLAGS,
    ...TARGET_FLAGS,
  },
  takes: 'words',
  examples: [
    'playhead fork notes/today notes/what-if',
    'playhead fork --at 01k9x2m4v7qhd3ts-a7 notes/today notes/what-if',
  ],
  run: runFork,
};

async function runFork(given: Given, io: Io): Promise<number> {
  const [from, to, ...others] = given.words;
  if (from === undefined || to === undefined || others.length > 0) {
    throw usageFailure('Name the stream to fork, and the new one.');
  }
  const [source, target] = [streamTarget(from, given, io), streamTarget(to, given, io)];
  if (source.client.url !== target.client.url) {
    throw usageFailure('Both streams have to be on one server.');
  }
  const [at, more] = [given.text('at'), given.text('more')];
  if (more !== undefined && (at === undefined || !/^\d{1,15}$/.test(more))) {
    throw usageFailure('--more is a whole number, and counts from the offset of --at.');
  }
  const answer = await ask(target, {
    method: 'PUT',
    headers: {
      [HEADER.forkedFrom]: new URL(source.path, 'http://stream').pathname,
      ...(at === undefined ? {} : { [HEADER.forkOffset]: at }),
      ...(more === undefined ? {} : { [HEADER.forkSubOffset]: more }),
      ...lifetimeHeaders(given),
    },
  });
  // What is not found by a `PUT` is what was to be forked.
  if (!answer.ok) throw await streamRefusal(answer.status === 404 ? source : target, answer);
  await io.print(`${nextOf(target, answer.headers)}\n`);
  return EXIT.done;
}
