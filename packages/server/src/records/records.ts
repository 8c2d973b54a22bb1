/**
 * Small things that must outlive a restart and know no retention: keys, projects, sessions, cameras, teams.
 * A collection is named once, by its owner, who also owns the shape of its values (JSON). A value is there for
 * the next `get` as soon as `put` resolves, and then also survives the death of the process.
 */
export interface Records extends AsyncDisposable {
  collection<T>(name: string): Collection<T>;
}

export interface Collection<T> {
  get(id: string): Promise<T | undefined>;
  put(id: string, value: T): Promise<void>;
  /** Puts only if there is none of that id; false if there is. */
  add(id: string, value: T): Promise<boolean>;
  /** False if there was none. */
  delete(id: string): Promise<boolean>;
  /** In the order of ids, those behind `after` first. */
  list(query?: RecordQuery): Promise<readonly Kept<T>[]>;
}

export interface Kept<T> {
  readonly id: string;
  readonly value: T;
}

export interface RecordQuery {
  readonly prefix?: string;
  readonly after?: string;
  readonly limit?: number;
}

/** Read at once where all are looked at. */
const PAGE = 500;

/**
 * All of a collection behind `after`, in the order of ids, of which never more than a page is held. What is put or deleted
 * meanwhile may be seen or not.
 */
export async function* allRecords<T>(
  collection: Collection<T>,
  { prefix, after }: Omit<RecordQuery, 'limit'> = {},
): AsyncGenerator<Kept<T>, void, undefined> {
  const query = { limit: PAGE, ...(prefix === undefined ? {} : { prefix }) };
  let from = after;
  for (;;) {
    const page = await collection.list({ ...query, ...(from === undefined ? {} : { after: from }) });
    yield* page;
    if (page.length < PAGE) return;
    from = page.at(-1)?.id;
  }
}

// This many ms are in the year 5138, and below 36^9.
const LAST_TIME = 10 ** 14;

/** The end of an id by which the newest are listed first. `time` is ms since 1970; `name` tells those of one ms apart. */
export function newestFirst(time: number, name: string): string {
  return `${(LAST_TIME - time).toString(36).padStart(9, '0')}-${name}`;
}
