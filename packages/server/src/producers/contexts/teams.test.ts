import { expect, test } from 'vitest';
import { createMemoryLog } from '../../log/memory/memory-log.ts';
import { memoryRecords } from '../../records/memory/memory-records.ts';
import { manualClock } from '../../runtime/manual-clock.ts';
import { teamKey } from './channel-name.ts';
import { createTeams } from './teams.ts';

const team = { id: 'crew', tenant: 'default', name: 'Crew', members: ['ann'], createdAt: 0 };

test('P-437 what a process left behind that died while it deleted a team is not the next one’s of that id', async () => {
  const log = createMemoryLog({ clock: manualClock() });
  const key = teamKey('default', 'crew');
  await log.create(key, {});
  await log.append(key, [{ type: 'note', data: '"old"' }]);
  const teams = createTeams(memoryRecords(), log);
  await teams.create(team);
  expect((await log.bounds(key))?.latest.offset).toBe(0);

  // A team that is there keeps what it has.
  await log.append(key, [{ type: 'note', data: '"new"' }]);
  await expect(teams.create({ ...team, members: ['eve'] })).rejects.toMatchObject({ code: 'conflict' });
  expect((await log.bounds(key))?.latest.offset).toBe(1);
  expect(await teams.isMember('default', 'crew', 'eve')).toBe(false);
});
