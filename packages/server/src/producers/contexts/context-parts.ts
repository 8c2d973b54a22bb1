import { isObject, type Json, type JsonObject } from './json-value.ts';
import { MAX_TITLE, MAX_URL, type PrivacyLevel, type TabId } from './sync-message.ts';

/** What a context says of itself besides its content. */
export interface Description {
  readonly id: string;
  readonly type: string;
  readonly level: PrivacyLevel;
  readonly tabId: TabId | undefined;
  readonly windowId: TabId | undefined;
  readonly url: string | undefined;
  readonly title: string | undefined;
  /** Its tab is the one that the user looks at. */
  readonly active: boolean;
}

/** Reads a context that was checked and whose privacy was applied: of the members, what stands nearest counts. */
export function describeContext(context: JsonObject): Description {
  const tab = isObject(context['tab']) ? context['tab'] : {};
  const page = isObject(context['page']) ? context['page'] : {};
  return {
    id: textIn(context['id']) ?? '',
    type: textIn(context['type']) ?? 'page',
    level: context['privacyLevel'] as PrivacyLevel,
    tabId: idIn(context['tabId']) ?? idIn(tab['tabId']) ?? idIn(tab['id']),
    windowId: idIn(context['windowId']) ?? idIn(tab['windowId']),
    url: textIn(context['url']) ?? textIn(tab['url']) ?? textIn(page['url'])?.slice(0, MAX_URL),
    title: textIn(context['title']) ?? textIn(tab['title']) ?? textIn(page['title'])?.slice(0, MAX_TITLE),
    active: tab['active'] === true,
  };
}

/** More members of one context are not told apart, and none of a longer name. */
const MAX_PARTS = 32;
const MAX_NAME = 256;

const NO_PART = new Set(
  'id type userId tabId windowId url title privacyLevel tab timestamp createdAt updatedAt'.split(' '),
);

/** The members of a context that are its content, in whatever form. */
export function partsOf(context: JsonObject): string[] {
  return Object.keys(context).filter((name) => !NO_PART.has(name));
}

/** Which source event holds the newest of each part: of so many as are told apart, those that were told last. */
export function partNumbers(
  known: Readonly<Record<string, number>>,
  context: JsonObject,
  number: number,
): Record<string, number> {
  const told = partsOf(context).filter((name) => name.length <= MAX_NAME);
  const rest = Object.entries(known).filter(([name]) => !told.includes(name));
  return Object.fromEntries(
    [...rest, ...told.slice(0, MAX_PARTS).map((name) => [name, number] as const)].slice(-MAX_PARTS),
  );
}

function idIn(value: Json | undefined): TabId | undefined {
  return typeof value === 'string' || typeof value === 'number' ? value : undefined;
}

function textIn(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
