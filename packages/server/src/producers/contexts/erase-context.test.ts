import { formatPosition, parsePosition } from '@playhead/protocol';
import { expect, test } from 'vitest';
import { createHub } from '../../hub/create-hub.ts';
import type { EventLog } from '../../log/event-log.ts';
import { createMemoryLog } from '../../log/memory/memory-log.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import { memoryRecords } from '../../records/memory/memory-records.ts';
import { manualClock } from '../../runtime/manual-clock.ts';
import type { Hit, Search } from '../../search/search.ts';
import { USER_CHANNELS, userChannelKey } from './channel-name.ts';
import { eraseContext, type EraseParts } from './erase-context.ts';
import { Feed } from './feed.ts';
import { feedRecords } from './feed-record.ts';
import { readSourceEvent } from './source-event.ts';

const logger = { debug() {}, info() {}, warn() {}, error() {} };
const clock = manualClock();

async function textOf(log: EventLog, key: StreamKey): Promise<string> {
  const bounds = await log.bounds(key);
  if (bounds === undefined) return '';
  const slice = await log.read(key, bounds.start, { events: 1_000, bytes: 1e9 });
  return JSON.stringify(slice.kind === 'events' ? slice.batches.map(({ events }) => events) : []);
}

/** Finds what the log holds of a context, and what nobody has made it forget. */
function indexOf(log: EventLog, source: StreamKey): Search & { readonly forgotten: Set<string> } {
  const forgotten = new Set<string>();
  const seen = new Map<string, Hit>();
  return {
    forgotten,
    async find({ facets }) {
      const bounds = await log.bounds(source);
      if (bounds === undefined) return [];
      const slice = await log.read(source, bounds.start, { events: 1_000, bytes: 1e9 });
      for (const { epoch, first, time, events } of slice.kind === 'events' ? slice.batches : [])
        for (const [index, event] of events.entries()) {
          const said = readSourceEvent(event);
          if (said?.kind !== 'context') continue;
          const position = formatPosition({ epoch, offset: first + index });
          const found = { context: JSON.stringify(said.context['id']), operation: said.operation };
          const hit = { stream: source, kind: 'context', title: '', text: '', snippet: '' };
          seen.set(position, { ...hit, position, time, facets: found });
        }
      return [...seen.values()].filter(
        (hit) =>
          hit.facets['context'] === JSON.stringify(facets?.['context']) && !forgotten.has(hit.position),
      );
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

test('P-444 an erasure that is cut short anywhere is done whole by the next', async () => {
  for (let after = 0; after < 9; after++) {
    const log = createMemoryLog({ clock });
    const hub = createHub({ log, logger });
    const parts = { log, hub, records: feedRecords(memoryRecords()), clock, logger };
    const feed = await Feed.open(parts, 'default', 'ann');
    for (const [n, id] of ['one', 'two', 'one', 'one'].entries())
      await feed.write([
        {
          ...{ kind: 'context', operation: 'update', message: `m${n}`, at: clock.now(), from: {} },
          context: { id, type: 'page', privacyLevel: 'public', tabId: 1, content: `quokka ${id}` },
        },
      ]);
    await feed.settled(1_000);
    const search = indexOf(log, feed.source);
    const forget = (_: StreamKey, position: string): Promise<void> =>
      Promise.resolve(void search.forgotten.add(position));
    let left = after;
    const cut: EraseParts['log'] = {
      bounds: (key) => log.bounds(key),
      read: (...at) => log.read(...at),
      redact: (...at) => (left-- > 0 ? log.redact(...at) : Promise.reject(new Error('cut'))),
    };
    await expect(eraseContext({ log: cut, search, forget }, feed, 'one', clock.now())).rejects.toThrow('cut');
    expect(await eraseContext({ log, search, forget }, feed, 'one', clock.now())).toBe(3);
    await feed.settled(1_000);
    for (const key of [feed.source, ...USER_CHANNELS.map((name) => userChannelKey('default', 'ann', name))])
      expect(await textOf(log, key)).not.toContain('quokka one');
    expect(await textOf(log, feed.source)).toContain('quokka two');
    for (const position of search.forgotten) expect(parsePosition(position)).toBeDefined();
    await feed.close();
  }
});
