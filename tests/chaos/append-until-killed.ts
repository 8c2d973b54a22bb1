import { openSqliteLog } from '../../packages/server/src/log/sqlite/sqlite-log.ts';
import { streamKey } from '../../packages/server/src/log/stream-key.ts';

// A child of sqlite-kill.test.ts: appends to several streams and tells each acknowledgement on stdout, as
// `stream sequence first last epoch`, until it is done or killed. Events are padded to make the journal long. Writes to a pipe are synchronous here.

const [folder = '', seed = '1', total = '10000', padding = '0'] = process.argv.slice(2);
const log = await openSqliteLog({ folder });
const keys = [0, 1, 2, 3].map((index) => streamKey('acme', `chaos/${index}`));
for (const key of keys) await log.create(key);
let left = Number(total);
let state = Number(seed);
const random = (below: number): number => {
  state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
  return (state >>> 8) % below;
};
process.stdout.write('ready\n');
await Promise.all(
  keys.map(async (key, index) => {
    for (let sequence = 0; left > 0; ) {
      const burst = Array.from({ length: 1 + random(8) }, () => {
        const count = random(3) === 0 ? 1 + random(40) : 1;
        left -= count;
        const mine = sequence++;
        const events = Array.from({ length: count }, (_, i) => ({
          type: 'chaos',
          data: `${index}.${mine}.${i} ${'x'.repeat(Number(padding))}`,
        }));
        return { mine, events };
      });
      await Promise.all(
        burst.map(async ({ mine, events }) => {
          const guard = { kind: 'writer', id: 'chaos', epoch: 0, sequence: mine } as const;
          const answer = await log.append(key, events, { guard });
          if (answer.kind !== 'appended') throw new Error(answer.kind);
          const { position, first } = answer;
          process.stdout.write(`${index} ${mine} ${first} ${position.offset} ${position.epoch}\n`);
        }),
      );
    }
  }),
);
await log[Symbol.asyncDispose]();
