import { networkOf } from '../../runtime/network-of.ts';
import { GLOBAL_CHANNEL, parseChannel } from './channel-name.ts';
import type { Connection } from './connection.ts';
import type { Identity } from './connection-rules.ts';
import { MessageRate, type RateRule, type Verdict } from './message-rate.ts';

export interface ConnectionLimits {
  /** Connections of one user. */
  readonly perUser: number;
  /** Connections from one address that have not signed in (D-20). */
  readonly anonymous: number;
  /** Of all connections of one user together. */
  readonly userRate: RateRule;
}

export interface ConnectionCounts {
  readonly open: number;
  /** Since the server started. */
  readonly opened: number;
  readonly cleaned: number;
}

interface User {
  readonly connections: Set<Connection>;
  readonly rate: MessageRate;
}

/** The connections there are, by who they belong to, and the limits on how many there may be. */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #all = new Set<Connection>();
  readonly #users = new Map<string, User>();
  readonly #anonymous = new Map<string, Set<Connection>>();
  /** Those that are bound by a credential, by its id. */
  readonly #byCredential = new Map<string, Set<Connection>>();
  #opened = 0;
  #cleaned = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
  }

  get counts(): ConnectionCounts {
    return { open: this.#all.size, opened: this.#opened, cleaned: this.#cleaned };
  }

  /** Whether one more may come from an address before it has signed in. */
  mayOpen(address: string): boolean {
    return (this.#anonymous.get(networkOf(address))?.size ?? 0) < this.#limits.anonymous;
  }

  opened(connection: Connection): void {
    this.#all.add(connection);
    this.#opened++;
    addTo(this.#anonymous, networkOf(connection.address), connection);
  }

  /** Gives a connection to a user; false if the user has too many. One that is bound already stays so. */
  bind(connection: Connection, { tenant, user, principal }: Identity, now: number): boolean {
    const key = keyOf(tenant, user);
    let found = this.#users.get(key);
    if (found === undefined) {
      found = { connections: new Set(), rate: new MessageRate(this.#limits.userRate, now) };
      this.#users.set(key, found);
    }
    if (!found.connections.has(connection)) {
      if (found.connections.size >= this.#limits.perUser) return false;
      found.connections.add(connection);
    }
    removeFrom(this.#anonymous, networkOf(connection.address), connection);
    const before = connection.identity?.principal.keyId;
    if (before !== undefined) removeFrom(this.#byCredential, before, connection);
    addTo(this.#byCredential, principal.keyId, connection);
    return true;
  }

  /** Forgets a connection, whatever it was. */
  cleaned(connection: Connection): void {
    if (!this.#all.delete(connection)) return;
    this.#cleaned++;
    removeFrom(this.#anonymous, networkOf(connection.address), connection);
    const { identity } = connection;
    if (identity === undefined) return;
    removeFrom(this.#byCredential, identity.principal.keyId, connection);
    const key = keyOf(identity.tenant, identity.user);
    const found = this.#users.get(key);
    found?.connections.delete(connection);
    if (found?.connections.size === 0) this.#users.delete(key);
  }

  /** Counts a message of a user's. */
  count({ tenant, user }: Pick<Identity, 'tenant' | 'user'>, now: number): Verdict {
    return this.#users.get(keyOf(tenant, user))?.rate.count(now) ?? { kind: 'taken' };
  }

  of(tenant: string, user: string): readonly Connection[] {
    return [...(this.#users.get(keyOf(tenant, user))?.connections ?? [])];
  }

  /** Who hears a channel that a user names so: of a user's channels that user's devices, of a team's all its members. */
  hearing(tenant: string, user: string, channel: string): readonly Connection[] {
    switch (parseChannel(channel)?.kind) {
      case undefined:
        return [];
      case 'user':
        return this.of(tenant, user).filter((each) => each.channels.has(channel));
      case 'global':
        return [...this.#all].filter((each) => each.channels.has(GLOBAL_CHANNEL));
      case 'team':
        return [...this.#all].filter(
          (each) => each.identity?.tenant === tenant && each.channels.has(channel),
        );
    }
  }

  /** One connection of each credential that connections are bound by, with all of them. */
  *byCredential(): Iterable<ReadonlySet<Connection>> {
    yield* this.#byCredential.values();
  }
}

function keyOf(tenant: string, user: string): string {
  // No tenant holds a colon.
  return `${tenant}:${user}`;
}

function addTo(map: Map<string, Set<Connection>>, key: string, connection: Connection): void {
  const set = map.get(key) ?? new Set();
  map.set(key, set.add(connection));
}

function removeFrom(map: Map<string, Set<Connection>>, key: string, connection: Connection): void {
  const set = map.get(key);
  set?.delete(connection);
  if (set?.size === 0) map.delete(key);
}
