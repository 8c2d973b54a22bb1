import { randomBytes } from 'node:crypto';
import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import { allows } from '../../access/principal.ts';
import type { Exchange } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import type { Clock } from '../../runtime/clock.ts';
import { callerOf, parameter } from '../caller.ts';
import { checkInput } from '../check-input.ts';
import type { Connections } from './connections.ts';
import { userId } from './sync-message.ts';
import type { Team, Teams } from './teams.ts';

export interface TeamRouteParts {
  readonly teams: Teams;
  readonly connections: Connections;
  readonly clock: Clock;
}

const body = z.strictObject({
  id: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 of A-Z a-z 0-9 _ -')
    .exactOptional(),
  name: z.string().trim().min(1).max(200).exactOptional(),
  members: z.array(userId).max(1_000).default([]),
});

const READ = { scope: 'contexts:read' } as const;
const WRITE = { scope: 'contexts:write' } as const;

/**
 * `/api/v1/teams`: users who share a channel (D-16). A user sees and changes the teams that it is a member of, which it
 * becomes by making one; whoever may act for any user sees all of its tenant. To everybody else there are none.
 */
export function mountTeams(router: Router, { teams, connections, clock }: TeamRouteParts): void {
  /** The user that a key is bound to; undefined for one that may act for any. */
  function memberOf(exchange: Exchange): string | undefined {
    const principal = callerOf(exchange);
    if (principal.userId !== null && !allows(principal, 'admin')) return principal.userId;
    if (allows(principal, 'contexts:impersonate')) return undefined;
    throw new PlayheadError('forbidden', "The key is nobody's in particular and may not act for others.");
  }

  async function named(exchange: Exchange): Promise<Team> {
    const member = memberOf(exchange);
    const team = await teams.get(callerOf(exchange).tenant, parameter(exchange, 'id'));
    if (team === undefined || (member !== undefined && !team.members.includes(member))) throw noTeam();
    return team;
  }

  /** Whoever is no member any more hears nothing more, at once. */
  function dismiss({ tenant, id }: Team, users: readonly string[]): void {
    for (const user of users) for (const each of connections.of(tenant, user)) each.revoke(`team:${id}`);
  }

  router.add({
    method: 'POST',
    path: '/api/v1/teams',
    access: WRITE,
    async handle(exchange) {
      const member = memberOf(exchange);
      const {
        id = `team_${randomBytes(8).toString('hex')}`,
        name = id,
        members,
      } = checkInput(body, await exchange.json());
      const all = [...new Set(member === undefined ? members : [member, ...members])];
      const team: Team = {
        id,
        tenant: callerOf(exchange).tenant,
        name,
        members: all,
        createdAt: clock.now(),
      };
      await teams.create(team);
      return { status: 201, body: viewOf(team) };
    },
  });
  router.add({
    method: 'GET',
    path: '/api/v1/teams',
    access: READ,
    async handle(exchange) {
      const found = await teams.list(callerOf(exchange).tenant, memberOf(exchange));
      return { body: { teams: found.map(viewOf) } };
    },
  });
  router.add({
    method: 'GET',
    path: '/api/v1/teams/:id',
    access: READ,
    handle: async (exchange) => ({ body: viewOf(await named(exchange)) }),
  });
  router.add({
    method: 'DELETE',
    path: '/api/v1/teams/:id',
    access: WRITE,
    async handle(exchange) {
      const team = await named(exchange);
      await teams.delete(team.tenant, team.id);
      dismiss(team, team.members);
      return { status: 204 };
    },
  });
  router.add({
    method: 'PUT',
    path: '/api/v1/teams/:id/members/:user',
    access: WRITE,
    async handle(exchange) {
      const { tenant, id } = await named(exchange);
      const user = checkInput(userId, parameter(exchange, 'user'));
      const changed = await teams.change(tenant, id, (members) => [...members, user]);
      if (changed === undefined) throw noTeam();
      return { body: viewOf(changed) };
    },
  });
  router.add({
    method: 'DELETE',
    path: '/api/v1/teams/:id/members/:user',
    access: WRITE,
    async handle(exchange) {
      const team = await named(exchange);
      const user = parameter(exchange, 'user');
      const changed = await teams.change(team.tenant, team.id, (members) =>
        members.filter((each) => each !== user),
      );
      if (changed === undefined) throw noTeam();
      dismiss(team, [user]);
      return { body: viewOf(changed) };
    },
  });
}

function viewOf({ id, name, members, createdAt }: Team): object {
  return { id, name, members, channel: `team:${id}`, createdAt: new Date(createdAt).toISOString() };
}

function noTeam(): PlayheadError {
  return new PlayheadError('not-found', 'There is no such team.');
}
