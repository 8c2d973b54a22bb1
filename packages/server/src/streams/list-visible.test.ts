import { describe, expect, test } from 'vitest';
import { maySeeStream, type Principal, type Scope } from '../access/principal.ts';
import { createMemoryLog } from '../log/memory/memory-log.ts';
import { nameOf, streamKey } from '../log/stream-key.ts';
import { manualClock } from '../runtime/manual-clock.ts';
import { listVisible } from './list-visible.ts';

const NAMES = [
  'commands/a',
  'contexts/al/source',
  'contexts/alice-b/source',
  'contexts/alice/source',
  'contexts/alice/tab-events',
  'contexts/bob/source',
  'contexts/~team/x',
  'contexts0',
  'notes/z',
];

function principal(userId: string | null, ...scopes: Scope[]): Principal {
  return { keyId: 'key_x', tenant: 'default', userId, scopes: new Set(scopes) };
}

describe('P-60 streams of one user', () => {
  const alice = principal('alice', 'streams:read');
  const nobody = principal(null, 'streams:read');

  test('are seen by that user, whoever acts for any user, and a ticket for that very stream', () => {
    const seen = (who: Principal): string[] => NAMES.filter((name) => maySeeStream(who, name));
    expect(seen(alice)).toEqual([
      'commands/a',
      'contexts/alice/source',
      'contexts/alice/tab-events',
      'contexts0',
      'notes/z',
    ]);
    expect(seen(nobody)).toEqual(['commands/a', 'contexts0', 'notes/z']);
    expect(seen(principal('../alice', 'streams:read'))).toEqual(seen(nobody));
    expect(seen(principal(null, 'contexts:impersonate'))).toEqual(NAMES);
    expect(seen(principal('bob', 'admin'))).toEqual(NAMES);
    const ticket: Principal = { ...nobody, bound: { kind: 'stream', stream: 'contexts/bob/source' } };
    expect(maySeeStream(ticket, 'contexts/bob/source')).toBe(true);
    expect(maySeeStream(ticket, 'contexts/alice/source')).toBe(false);
  });

  test('are left out of lists, which neither stop at them nor show where they are', async () => {
    await using log = createMemoryLog({ clock: manualClock() });
    for (const name of NAMES) await log.create(streamKey('default', name));
    const listed = async (who: Principal, limit: number, after?: string): Promise<string[]> => {
      const query = { tenant: 'default', limit, ...(after === undefined ? {} : { after }) };
      return (await listVisible(log, who, query)).map(({ key }) => nameOf(key));
    };
    for (const who of [alice, nobody, principal('zoe', 'streams:read'), principal(null, 'admin')]) {
      const all = NAMES.filter((name) => maySeeStream(who, name));
      expect(await listed(who, 100)).toEqual(all);
      for (const limit of [1, 2, 3]) {
        const pages: string[] = [];
        for (
          let page = await listed(who, limit);
          page.length > 0;
          page = await listed(who, limit, pages.at(-1))
        )
          pages.push(...page);
        expect(pages).toEqual(all);
      }
    }
  });
});
