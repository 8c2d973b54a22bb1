import type { Command } from './command.ts';
import { askFor, HEADER, nextOf } from './durable-stream.ts';
import { EXIT } from './exit-code.ts';
import { oneTarget, TARGET_ABOUT, TARGET_FLAGS } from './stream-target.ts';

export const close: Command = {
  name: 'close',
  summary: 'close a stream: nothing can be appended any more',
  usage: ['close [flags] STREAM'],
  about: `${TARGET_ABOUT}

Readers see the end, and what is in it stays. It cannot be opened again; closing it twice is closing it once. Prints
the offset of its end. \`append --close\` closes with the last of what it appends.`,
  flags: TARGET_FLAGS,
  takes: 'words',
  examples: ['playhead close notes/today', 'playhead close https://example.com/v1/stream/today'],
  async run(given, io) {
    const target = oneTarget(given.words, given, io);
    const { headers } = await askFor(target, { method: 'POST', headers: { [HEADER.closed]: 'true' } });
    await io.print(`${nextOf(target, headers)}\n`);
    return EXIT.done;
  },
};
