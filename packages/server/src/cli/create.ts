import { asRecord, clientOf, textOf } from './client.ts';
import { type Command, SERVER_FLAGS } from './command.ts';
import { durationMs } from './duration.ts';
import { EXIT } from './exit-code.ts';
import { streamName, streamPath } from './stream-argument.ts';

export const create: Command = {
  name: 'create',
  summary: 'make a stream',
  usage: ['create [flags] STREAM'],
  about: 'Prints the position behind its newest event. A stream that is there already is left as it is.',
  flags: {
    volatile: { type: 'boolean', meaning: 'Keep it in memory only: for pictures, not for facts' },
    ttl: { type: 'string', value: 'DURATION', meaning: 'Delete it when it was not used for so long' },
    ...SERVER_FLAGS,
  },
  takes: 'words',
  examples: ['playhead create notes/today', 'playhead create --ttl 12h scratch/a'],
  async run(given, io) {
    const name = streamName(given.words);
    const ttl = given.text('ttl');
    const made = await clientOf(given, io).json('PUT', streamPath(name), {
      ...(given.is('volatile') === true ? { durability: 'volatile' } : {}),
      ...(ttl === undefined ? {} : { ttl_seconds: Math.max(1, Math.round(durationMs(ttl, '--ttl') / 1000)) }),
    });
    await io.print(`${textOf(asRecord(made)['position']) ?? ''}\n`);
    return EXIT.done;
  },
};
