import { PlayheadError } from '@playhead/protocol';
import type { EventLog } from '../../log/event-log.ts';
import type { Collection, Records } from '../../records/records.ts';
import { teamKey } from './channel-name.ts';

/** Users who share a channel, `team:{id}`. */
export interface Team {
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  readonly members: readonly string[];
  /** ms since 1970. */
  readonly createdAt: number;
}

export interface Teams {
  /** Throws `conflict` if the tenant has a team of that id, or as many as it may. */
  create(team: Team): Promise<void>;
  get(tenant: string, id: string): Promise<Team | undefined>;
  /** Those of a tenant, or those that a user is a member of, in the order of their ids. */
  list(tenant: string, member?: string): Promise<readonly Team[]>;
  isMember(tenant: string, id: string, user: string): Promise<boolean>;
  /** The team with its new members; undefined if there is none. Throws `conflict` for too many. */
  change(
    tenant: string,
    id: string,
    change: (members: readonly string[]) => readonly string[],
  ): Promise<Team | undefined>;
  /** Removes it with all that was said in it. False if there was none. */
  delete(tenant: string, id: string): Promise<boolean>;
}

const MAX_MEMBERS = 1_000;
const MAX_TEAMS = 10_000;

export function createTeams(records: Records, log: EventLog): Teams {
  const teams: Collection<Team> = records.collection('contexts-teams');
  let last: Promise<unknown> = Promise.resolve();

  /** One change at a time, so that none is lost. */
  function inTurn<T>(call: () => Promise<T>): Promise<T> {
    const next = last.then(call, call);
    last = next.catch(() => undefined);
    return next;
  }

  const find = (tenant: string, id: string): Promise<Team | undefined> => teams.get(`${tenant}/${id}`);

  return {
    create: (team) =>
      inTurn(async () => {
        checkSize(team.members);
        const { tenant, id } = team;
        if ((await teams.list({ prefix: `${tenant}/`, limit: MAX_TEAMS })).length >= MAX_TEAMS)
          throw new PlayheadError('conflict', `A tenant has at most ${MAX_TEAMS} teams.`);
        if ((await find(tenant, id)) !== undefined)
          throw new PlayheadError('conflict', 'There is a team of that id.');
        // What a team of that id left behind that was deleted by a process which died of it.
        await log.delete(teamKey(tenant, id));
        // The stream first: a team whose channel is not there yet would be no channel to its members.
        await log.create(teamKey(tenant, id), { retention: { maxAge: null } });
        if (!(await teams.add(`${tenant}/${id}`, team)))
          throw new PlayheadError('conflict', 'There is a team of that id.');
      }),
    get: find,
    async list(tenant, member) {
      const all = (await teams.list({ prefix: `${tenant}/` })).map(({ value }) => value);
      return member === undefined ? all : all.filter(({ members }) => members.includes(member));
    },
    async isMember(tenant, id, user) {
      return (await find(tenant, id))?.members.includes(user) ?? false;
    },
    change: (tenant, id, change) =>
      inTurn(async () => {
        const team = await find(tenant, id);
        if (team === undefined) return undefined;
        const members = [...new Set(change(team.members))];
        checkSize(members);
        const changed = { ...team, members };
        await teams.put(`${tenant}/${id}`, changed);
        return changed;
      }),
    delete: (tenant, id) =>
      inTurn(async () => {
        const there = await teams.delete(`${tenant}/${id}`);
        if (there) await log.delete(teamKey(tenant, id));
        return there;
      }),
  };
}

function checkSize(members: readonly string[]): void {
  if (members.length > MAX_MEMBERS)
    throw new PlayheadError('conflict', `A team has at most ${MAX_MEMBERS} members.`);
}
