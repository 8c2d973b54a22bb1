import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Batch, LogEvent } from '../../log/event-log.ts';
import { bodyEncoding, wholeBody } from './body-encoding.ts';
import type { ContentKind } from './content-kind.ts';

const event: fc.Arbitrary<LogEvent> = fc.oneof(
  fc.record({ type: fc.constantFrom('message', 'note'), data: fc.json() }),
  fc.record({ type: fc.constant('message'), data: fc.uint8Array({ maxLength: 20 }) }),
  fc.record({ type: fc.constant('message'), data: fc.constant(null) }),
);
const batches = fc
  .array(fc.array(event, { minLength: 1, maxLength: 4 }), { maxLength: 5 })
  .map((all) =>
    all.map((events, index): Batch => ({ epoch: '0'.repeat(16), first: index * 10 + 1, time: 0, events })),
  );

test.each<ContentKind>(['json', 'text', 'bytes'])(
  'P-218 P-219 a body made in one go is the one that is put together out of shared parts: %s',
  (kind) => {
    fc.assert(
      fc.property(batches, (all) => {
        const encoding = bodyEncoding(kind);
        const shared = encoding.frame(all.map((batch) => encoding.encode(batch)));
        expect(Buffer.from(wholeBody(kind, all))).toEqual(Buffer.from(shared));
        if (kind !== 'json') return;
        const values = JSON.parse(Buffer.from(shared).toString()) as unknown[];
        expect(values).toHaveLength(all.reduce((sum, { events }) => sum + events.length, 0));
      }),
    );
  },
);
