import { type Collection, newestFirst, type Records } from '../../records/records.ts';

/** What is known of a chat besides its messages, which are in its stream. */
export interface ChatRecord {
  readonly id: string;
  readonly tenant: string;
  /** Whose it is: null for a key that acts for its tenant. */
  readonly user: string | null;
  readonly title: string;
  /** ms since 1970. */
  readonly createdAt: number;
}

/** The chats of all tenants: by id, and of one owner the newest first. */
export interface ChatStore {
  /** False if there is one of that id. */
  add(chat: ChatRecord): Promise<boolean>;
  put(chat: ChatRecord): Promise<void>;
  remove(chat: ChatRecord): Promise<void>;
  get(tenant: string, id: string): Promise<ChatRecord | undefined>;
  /** `user` undefined: of all users. */
  list(tenant: string, user: string | null | undefined, page: ChatPage): Promise<ChatListing>;
}

export interface ChatPage {
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface ChatListing {
  readonly chats: readonly ChatRecord[];
  /** Absent on the last page. */
  readonly next?: string;
}

/** Read at once where a page is filled with the chats of one user out of all. */
const READ = 200;

export function createChatStore(records: Records): ChatStore {
  const chats: Collection<ChatRecord> = records.collection('chats');
  const places: Collection<{ readonly at: string }> = records.collection('chat-ids');

  return {
    async add(chat) {
      if (!(await places.add(placeOf(chat.tenant, chat.id), { at: keyOf(chat) }))) return false;
      await chats.put(keyOf(chat), chat);
      return true;
    },
    put: (chat) => chats.put(keyOf(chat), chat),
    async remove(chat) {
      await chats.delete(keyOf(chat));
      await places.delete(placeOf(chat.tenant, chat.id));
    },
    async get(tenant, id) {
      const place = await places.get(placeOf(tenant, id));
      return place === undefined ? undefined : chats.get(place.at);
    },
    async list(tenant, user, { limit, after }) {
      const prefix = `${tenant}/`;
      const found: { readonly at: string; readonly chat: ChatRecord }[] = [];
      let from = after === undefined ? undefined : prefix + after;
      for (;;) {
        const rows = await chats.list({
          prefix,
          limit: READ,
          ...(from === undefined ? {} : { after: from }),
        });
        for (const { id, value } of rows) {
          from = id;
          if (user === undefined || value.user === user) found.push({ at: id, chat: value });
          if (found.length > limit) break;
        }
        if (rows.length < READ || found.length > limit) break;
      }
      const page = found.slice(0, limit);
      const last = page.at(-1);
      return {
        chats: page.map(({ chat }) => chat),
        ...(found.length > limit && last !== undefined ? { next: last.at.slice(prefix.length) } : {}),
      };
    },
  };
}

function keyOf({ tenant, createdAt, id }: ChatRecord): string {
  return `${tenant}/${newestFirst(createdAt, id)}`;
}

function placeOf(tenant: string, id: string): string {
  return `${tenant}/${id}`;
}
