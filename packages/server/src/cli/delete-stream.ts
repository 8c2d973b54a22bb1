import type { Command } from './command.ts';
import { askFor } from './durable-stream.ts';
import { EXIT } from './exit-code.ts';
import { oneTarget, TARGET_ABOUT, TARGET_FLAGS } from './stream-target.ts';

export const deleteStream: Command = {
  name: 'delete',
  summary: 'delete a stream and what is in it',
  usage: ['delete [flags] STREAM'],
  about: `${TARGET_ABOUT}

It is gone at once, and nobody asks again. What was forked from it stays.`,
  flags: TARGET_FLAGS,
  takes: 'words',
  examples: ['playhead delete notes/today', 'playhead delete https://example.com/v1/stream/today'],
  async run(given, io) {
    await askFor(oneTarget(given.words, given, io), { method: 'DELETE' });
    return EXIT.done;
  },
};
