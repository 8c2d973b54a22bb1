import { allRecords, type Collection, newestFirst, type Records } from '../../records/records.ts';
import { isOwnId } from './command-id.ts';
import type { CommandType, Complete } from './events.ts';

/** What is known of a command, as long as the server keeps it. The output is in its stream. */
export interface CommandRecord {
  readonly id: string;
  readonly tenant: string;
  readonly project: string;
  readonly type: CommandType;
  readonly command: string;
  /** Relative to the project's root. */
  readonly cwd: string;
  /** It runs in a terminal, whose stream is `commands/{id}/pty`. */
  readonly pty?: true;
  /** The label under which it was started, if any. */
  readonly session?: string;
  /** ms since 1970. */
  readonly createdAt: number;
  /** Absent while it runs. */
  readonly ended?: { readonly at: number; readonly complete: Complete };
}

/** The commands of all tenants: by id, and of a project the newest first. */
export interface CommandStore {
  /** Takes the id, before anything is made of it. False if it is taken. */
  claim(command: CommandRecord): Promise<boolean>;
  /** Keeps the command, or what is new about it. */
  put(command: CommandRecord): Promise<void>;
  /** Forgets the command and gives its id back. */
  remove(command: CommandRecord): Promise<void>;
  get(tenant: string, id: string): Promise<CommandRecord | undefined>;
  /** Of whichever tenant: only for ids that the server made, which are unique. */
  open(id: string): Promise<CommandRecord | undefined>;
  list(tenant: string, project: string, page: Page): Promise<Listing>;
  /** All that ended before a time (ms since 1970), of all tenants. */
  endedBefore(time: number): AsyncIterable<CommandRecord>;
}

export interface Page {
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface Listing {
  readonly commands: readonly CommandRecord[];
  /** Absent on the last page. */
  readonly next?: string;
}

export function createCommandStore(records: Records): CommandStore {
  const commands: Collection<CommandRecord> = records.collection('commands');
  /** Where an id's command is kept. An id that the server made is unique, a chosen one within its tenant. */
  const places: Collection<{ readonly at: string }> = records.collection('command-ids');

  async function find(place: string): Promise<CommandRecord | undefined> {
    const found = await places.get(place);
    return found === undefined ? undefined : commands.get(found.at);
  }

  return {
    claim: (command) => places.add(placeOf(command.tenant, command.id), { at: keyOf(command) }),
    put: (command) => commands.put(keyOf(command), command),
    async remove(command) {
      await commands.delete(keyOf(command));
      await places.delete(placeOf(command.tenant, command.id));
    },
    async get(tenant, id) {
      const command = await find(placeOf(tenant, id));
      return command?.tenant === tenant ? command : undefined;
    },
    open: (id) => (isOwnId(id) ? find(id) : Promise.resolve(undefined)),
    async *endedBefore(time) {
      for await (const { value } of allRecords(commands))
        if (value.ended !== undefined && value.ended.at < time) yield value;
    },
    async list(tenant, project, { limit, after }) {
      const prefix = `${tenant}/${project}/`;
      const rows = await commands.list({
        prefix,
        limit: limit + 1,
        ...(after === undefined ? {} : { after: prefix + after }),
      });
      const page = rows.slice(0, limit);
      const last = page.at(-1);
      return {
        commands: page.map(({ value }) => value),
        ...(rows.length > limit && last !== undefined ? { next: last.id.slice(prefix.length) } : {}),
      };
    },
  };
}

function keyOf({ tenant, project, createdAt, id }: CommandRecord): string {
  return `${tenant}/${project}/${newestFirst(createdAt, id)}`;
}

function placeOf(tenant: string, id: string): string {
  return isOwnId(id) ? id : `${tenant}/${id}`;
}
