import { PlayheadError } from '@playhead/protocol';
import type { EventLog } from '../../log/event-log.ts';
import { presentHits } from '../../search/present-hits.ts';
import type { Hit, Search, SearchQuery } from '../../search/search.ts';
import { sourceKey } from './channel-name.ts';
import type { Hearer } from './channels.ts';

export interface HistoryParts {
  readonly log: EventLog;
  readonly search: Search;
  /** Resolves when the index holds what was committed before. */
  indexed(): Promise<void>;
}

/** What of a user's history is asked for. Times are ms since 1970, inclusive. */
export interface HistoryFilter {
  readonly since?: number;
  readonly until?: number;
  readonly type?: string;
  /** Exactly this one, or with a `*` at its end: those that begin so. */
  readonly url?: string;
  readonly device?: string;
  readonly tab?: string;
  readonly context?: string;
}

export interface HistoryItem {
  readonly contextId: string | null;
  readonly userId: string;
  readonly type: string;
  readonly operation: string;
  readonly url: string;
  readonly title: string;
  readonly timestamp: string;
  readonly privacyLevel: string;
  readonly tabId?: string;
  readonly device?: { readonly id: string; readonly name?: string };
  /** Of a search: around what was found, as HTML text with the words in `<mark>`. */
  readonly snippet?: string;
}

export interface HistoryPage {
  readonly items: readonly HistoryItem[];
  /** `cursor` of the next page; absent on the last. */
  readonly next?: string;
}

/** The best are looked at so far; a query that is no better than that wants more words. */
const MAX_SKIP = 1_000;

/** What a user looked at, the newest first. Throws `invalid-request` for a cursor that is none. */
export async function readHistory(
  parts: HistoryParts,
  who: Hearer,
  filter: HistoryFilter,
  page: { readonly cursor?: string; readonly limit: number },
): Promise<HistoryPage> {
  const before = page.cursor === undefined ? undefined : readCursor(page.cursor);
  const query: SearchQuery = {
    ...queryOf(who, filter),
    order: 'newest',
    limit: page.limit + 1,
    ...(before === undefined ? {} : { before }),
  };
  const found = await parts.search.find(query);
  const shown = found.slice(0, page.limit);
  const last = shown.at(-1);
  const items = (await presentHits(parts.log, shown)).map((hit) => itemOf(hit, who.user));
  return found.length > page.limit && last !== undefined ? { items, next: cursorOf(last) } : { items };
}

/** What fits words best. */
export async function searchHistory(
  parts: HistoryParts,
  who: Hearer,
  text: string,
  filter: HistoryFilter,
  page: { readonly cursor?: string; readonly limit: number },
): Promise<HistoryPage> {
  const skip = page.cursor === undefined ? 0 : readSkip(page.cursor);
  const found = await parts.search.find({ ...queryOf(who, filter), text, skip, limit: page.limit + 1 });
  const shown = found.slice(0, page.limit);
  const items = (await presentHits(parts.log, shown)).map((hit) => ({
    ...itemOf(hit, who.user),
    snippet: snippetOf(hit.snippet),
  }));
  const next = skip + page.limit;
  return found.length > page.limit && next <= MAX_SKIP ? { items, next: `s${next}` } : { items };
}

/** Of one user's own stream alone: whatever else the index holds cannot come up. */
function queryOf({ tenant, user }: Hearer, filter: HistoryFilter): Omit<SearchQuery, 'limit'> {
  const { since, until, type, url, device, tab, context } = filter;
  const begins = url?.endsWith('*') === true ? url.slice(0, -1) : undefined;
  return {
    tenant,
    stream: sourceKey(tenant, user),
    facets: {
      ...(type === undefined ? {} : { type }),
      ...(url === undefined || begins !== undefined ? {} : { url }),
      ...(device === undefined ? {} : { device }),
      ...(tab === undefined ? {} : { tab }),
      ...(context === undefined ? {} : { context }),
    },
    ...(begins === undefined ? {} : { beginnings: { url: begins } }),
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
  };
}

function itemOf({ title, time, facets }: Hit, user: string): HistoryItem {
  const {
    context = null,
    type = '',
    operation = '',
    url = '',
    level = 'public',
    tab,
    device,
    deviceName,
  } = facets;
  return {
    ...{ contextId: context, userId: user, type, operation, url, title },
    timestamp: new Date(time).toISOString(),
    privacyLevel: level,
    ...(tab === undefined ? {} : { tabId: tab }),
    ...(device === undefined
      ? {}
      : { device: { id: device, ...(deviceName === undefined ? {} : { name: deviceName }) } }),
  };
}

/** A snippet may be shown as HTML: what pages wrote is text in it, and nothing else. */
function snippetOf(marked: string): string {
  return marked
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\u0002', '<mark>')
    .replaceAll('\u0003', '</mark>');
}

function cursorOf({ time, position }: Hit): string {
  return `h${time}.${position}`;
}

function readCursor(text: string): { readonly time: number; readonly position: string } {
  const [, time, position] = /^h(-?\d{1,16}(?:\.\d{1,9})?)\.([0-9a-z-]{1,40})$/.exec(text) ?? [];
  if (time === undefined || position === undefined) throw badCursor();
  return { time: Number(time), position };
}

function readSkip(text: string): number {
  const [, digits] = /^s(\d{1,4})$/.exec(text) ?? [];
  if (digits === undefined || Number(digits) > MAX_SKIP) throw badCursor();
  return Number(digits);
}

function badCursor(): PlayheadError {
  return new PlayheadError('invalid-request', 'cursor: must be the next of another page.', {
    extensions: { field: 'cursor' },
  });
}
