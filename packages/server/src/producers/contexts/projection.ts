import { hash } from 'node:crypto';
import { describeContext, partNumbers } from './context-parts.ts';
import { type Derived, type EventWriter, type Payload, sourceOf } from './derived-event.ts';
import { isObject, type Json, type JsonObject } from './json-value.ts';
import type { KnownContext, KnownPages, KnownTab } from './known-pages.ts';
import { type Origin, type SourceEvent, tabKey } from './source-event.ts';
import type { PrivacyLevel, TabId, TabPayload } from './sync-message.ts';

type OfTab = Extract<SourceEvent, { kind: 'tab' }>;
type OfContext = Extract<SourceEvent, { kind: 'context' }>;

/**
 * What a source event means: changes what is known of the user's pages, and gives what the channels are told. It
 * depends on nothing else, so that events which are applied again after a crash derive the same.
 *
 * `user-contexts` is told everything; `current-context` of that what concerns the tab that the user looks at, before
 * or after the event; `tab-events` which tabs are activated, navigated and closed, without content.
 */
export function project(
  pages: KnownPages,
  event: SourceEvent,
  number: number,
  writer: EventWriter,
): Derived[] {
  const before = pages.active;
  const told: Telling[] = [];
  switch (event.kind) {
    case 'context':
      applyContext(pages, event, number, told);
      break;
    case 'tab':
      applyTab(pages, event, told);
      break;
    case 'broadcast': {
      const { channel, payload } = event;
      const data = writer.write(number, 0, {
        at: event.at,
        source: event.source ?? sourceOf(event.from),
        payload,
      });
      return [{ channel, type: payload.kind, data }];
    }
  }
  const derived: Derived[] = [];
  for (const [index, { payload, tab, tabId, only }] of told.entries()) {
    const data = writer.write(number, index, { at: event.at, source: sourceOf(event.from, tabId), payload });
    const add = (channel: Derived['channel']): number => derived.push({ channel, type: payload.kind, data });
    if (only !== 'tab-events') add('user-contexts');
    if (only !== 'tab-events' && tab !== null && (tab === before || tab === pages.active))
      add('current-context');
    if (only !== 'contexts') add('tab-events');
  }
  return derived;
}

/** Something to be told, and of which tab. */
interface Telling {
  readonly payload: Payload;
  readonly tab: string | null;
  readonly tabId?: TabId;
  /** Absent: on all channels. */
  readonly only?: 'contexts' | 'tab-events';
}

function applyContext(pages: KnownPages, event: OfContext, number: number, told: Telling[]): void {
  const { context, operation, from } = event;
  const said = describeContext(context);
  const known = pages.contexts.get(said.id);
  const tabId = said.tabId ?? known?.tabId ?? null;
  const tab = said.tabId === undefined ? (known?.tab ?? null) : tabKey(from, said.tabId);
  const now: KnownContext = {
    id: said.id,
    type: said.type,
    tab,
    tabId,
    windowId: said.windowId ?? known?.windowId ?? null,
    url: said.url ?? known?.url ?? '',
    title: said.title ?? known?.title ?? '',
    level: said.level,
    device: from.device ?? known?.device ?? null,
    createdAt: known?.createdAt ?? event.at,
    updatedAt: event.at,
    // Under another level what was told before is nobody's business any more, or was never complete.
    parts: partNumbers(known?.level === said.level ? known.parts : {}, context, number),
  };
  if (operation === 'delete') forgetContext(pages, now, event.erased === true);
  else rememberContext(pages, now, tab);
  if (operation !== 'delete' && said.active) activateByContext(pages, tab, told);
  told.push({
    payload: contextPayload(event, now),
    tab,
    only: 'contexts',
    ...(tabId === null ? {} : { tabId }),
  });
}

/** A context that says its tab is the active one activates it: who follows tabs alone is told. */
function activateByContext(pages: KnownPages, key: string | null, told: Telling[]): void {
  const tab = key === null ? undefined : pages.tabs.get(key);
  if (key === null || tab === undefined) return;
  // What is only taken for the active one was never told to be.
  if (pages.active !== key || !pages.told)
    told.push({ payload: { kind: 'tab.activated', data: tabData(tab) }, tab: key, tabId: tab.tabId });
  activate(pages, key);
}

function rememberContext(pages: KnownPages, context: KnownContext, tab: string | null): void {
  pages.putContext(context);
  if (tab === null || context.tabId === null) return;
  const known = pages.tabs.get(tab);
  const isPage = context.type === 'page' || known === undefined || known.page === null;
  if (isPage) {
    if (known?.page === standInId(tab)) pages.contexts.delete(known.page);
    const { tabId, windowId, url, title } = context;
    pages.putTab(tab, { tabId, windowId, url, title, page: context.id });
  }
  if (!pages.told && pages.active === null) pages.active = tab;
}

function forgetContext(pages: KnownPages, { id, tab }: KnownContext, erased: boolean): void {
  pages.contexts.delete(id);
  const known = tab === null ? undefined : pages.tabs.get(tab);
  if (tab === null || known?.page !== id) return;
  pages.putTab(tab, { ...known, page: null, ...(erased ? { url: '', title: '' } : {}) });
}

function applyTab(pages: KnownPages, { change, tab: said, from, level, at }: OfTab, told: Telling[]): void {
  const key = tabKey(from, said.tabId);
  const { tabId } = said;
  const known = pages.tabs.get(key);
  const tab: KnownTab = {
    tabId,
    windowId: said.windowId ?? known?.windowId ?? null,
    url: said.url ?? known?.url ?? '',
    title: said.title ?? (change === 'navigated' ? '' : (known?.title ?? '')),
    page: known?.page ?? null,
  };
  const tell = (payload: Payload, only?: Telling['only']): void =>
    void told.push({ payload, tab: key, tabId, ...(only === undefined ? {} : { only }) });
  const data = tabData(tab);
  switch (change) {
    case 'activated':
      activate(pages, key);
      rememberTab(pages, key, tab, { from, level, at, moved: false });
      tell({ kind: 'tab.activated', data });
      return;
    case 'deactivated':
      if (pages.active === key) pages.active = null;
      pages.told = true;
      tell({ kind: 'tab.deactivated', data }, 'contexts');
      return;
    case 'navigated':
      rememberTab(pages, key, tab, { from, level, at, moved: true });
      if (!pages.told && pages.active === null) pages.active = key;
      tell({ kind: 'page.navigation', data: navigationData(said), context: data }, 'contexts');
      tell({ kind: 'tab.navigated', data }, 'tab-events');
      return;
    case 'closed':
      for (const context of [...pages.contexts.values()]) {
        if (context.tab !== key) continue;
        pages.contexts.delete(context.id);
        // What stands in for a page that nobody described was never told of.
        if (context.id !== standInId(key)) tell(deleted(context.id, 'tab-closed'), 'contexts');
      }
      pages.tabs.delete(key);
      if (pages.active === key) pages.active = null;
      tell({ kind: 'tab.closed', data });
  }
}

function activate(pages: KnownPages, key: string): void {
  pages.active = key;
  pages.told = true;
}

interface Sight {
  readonly from: Origin;
  readonly level: PrivacyLevel;
  readonly at: number;
  /** It shows another page than before. */
  readonly moved: boolean;
}

/** Keeps what a tab shows; a page that nobody described gets a context that stands in for it. */
function rememberTab(pages: KnownPages, key: string, tab: KnownTab, { from, level, at, moved }: Sight): void {
  const page = tab.page === null ? undefined : pages.contexts.get(tab.page);
  const { tabId, windowId, url, title } = tab;
  if (page === undefined && url === '') {
    pages.putTab(key, tab);
    return;
  }
  const id = page?.id ?? standInId(key);
  pages.putTab(key, { ...tab, page: id });
  pages.putContext({
    ...{ id, type: page?.type ?? 'page', tab: key, tabId, windowId, url, title, level },
    device: from.device ?? page?.device ?? null,
    createdAt: page?.createdAt ?? at,
    updatedAt: at,
    parts: moved ? {} : (page?.parts ?? {}),
  });
}

function standInId(key: string): string {
  return `tab_${hash('sha256', key, 'hex').slice(0, 20)}`;
}

function tabData({ tabId, windowId, url, title }: KnownTab): JsonObject {
  return { type: 'tab', tabId, windowId, url, title };
}

function navigationData({
  url = '',
  title,
  previousUrl,
  navigationType,
  transitionType,
  statusCode,
}: TabPayload): JsonObject {
  const type = navigationType ?? transitionType;
  return {
    url,
    ...(title === undefined ? {} : { title }),
    ...(type === undefined ? {} : { navigationType: type }),
    ...(previousUrl === undefined ? {} : { previousUrl }),
    ...(statusCode === undefined ? {} : { statusCode }),
  };
}

// A selection is told as the text that is selected; every other context as itself.
function contextPayload({ context, operation }: OfContext, known: KnownContext): Payload {
  // A deletion says nothing of what was there: what follows may be that it is erased.
  if (operation === 'delete') return deleted(known.id, 'deleted');
  const about = { contextId: known.id, operation, documentTitle: known.title, url: known.url };
  const selection = context['selection'];
  if (known.type === 'selection' && isObject(selection) && typeof selection['text'] === 'string') {
    return { kind: 'text.selection', data: selectionData(selection), context: about };
  }
  return { kind: `context.${operation}d`, data: { contextId: known.id, context }, context: about };
}

function selectionData(selection: JsonObject): JsonObject {
  const { text, range, surrounding } = selection as { text: Json; range?: Json; surrounding?: Json };
  return {
    text,
    ...(range === undefined ? {} : { range }),
    ...(surrounding === undefined ? {} : { surrounding }),
  };
}

function deleted(contextId: string, reason: 'deleted' | 'tab-closed'): Payload {
  return {
    kind: 'context.deleted',
    data: { contextId, reason },
    context: { contextId, operation: 'delete' },
  };
}
