import { type Command, OUTPUT_FLAG } from './command.ts';
import { stateOf } from './durable-stream.ts';
import { EXIT } from './exit-code.ts';
import { oneTarget, TARGET_ABOUT, TARGET_FLAGS } from './stream-target.ts';

export const head: Command = {
  name: 'head',
  summary: 'say what a stream is, and where it ends',
  usage: ['head [flags] STREAM'],
  about: TARGET_ABOUT,
  flags: { ...OUTPUT_FLAG, ...TARGET_FLAGS },
  takes: 'words',
  examples: [
    'playhead head notes/today',
    'playhead head -o json https://example.com/v1/stream/today | jq -r .next',
  ],
  async run(given, io) {
    const target = oneTarget(given.words, given, io);
    const { contentType, next, closed, ttlSeconds, expiresAt } = await stateOf(target);
    if (given.text('output') === 'json') {
      const shown = {
        stream: target.shown,
        content_type: contentType,
        next,
        closed,
        ttl_seconds: ttlSeconds ?? null,
        expires_at: expiresAt ?? null,
      };
      await io.print(`${JSON.stringify(shown)}\n`);
      return EXIT.done;
    }
    const rows = [
      ['type', contentType],
      ['next', next],
      ['closed', closed ? 'yes' : 'no'],
      ...(ttlSeconds === undefined ? [] : [['ttl', `${ttlSeconds} s without use`]]),
      ...(expiresAt === undefined ? [] : [['expires', expiresAt]]),
    ];
    await io.print(rows.map(([what = '', value = '']) => `${what.padEnd(7)}  ${value}\n`).join(''));
    return EXIT.done;
  },
};
