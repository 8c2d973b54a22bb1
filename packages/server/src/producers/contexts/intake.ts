import type { JsonObject } from './json-value.ts';
import { describeContext } from './context-parts.ts';
import type { KnownPages } from './known-pages.ts';
import type { LevelScope } from './pending-levels.ts';
import { applyPrivacy, applyTabPrivacy } from './privacy.ts';
import { type Origin, type SourceEvent, type TabChange, tabKey } from './source-event.ts';
import type { ContextPayload, PrivacyLevel, SyncMessage, TabPayload } from './sync-message.ts';

export interface IntakeParts {
  /** What is known of the user's pages: a message that names no privacy level is under that of its page. */
  readonly pages: KnownPages;
  /** What the pages are about to know. */
  readonly levels?: LevelScope;
  /** ms since 1970. */
  readonly now: number;
}

/**
 * What is stored of a message that was checked: privacy is applied here, so that nothing behind this knows more.
 * Nothing is stored of a heartbeat. What claims to come from the future happens now: a clock that is ahead would
 * make publication come before the event (CX-13).
 */
export function takeIn(message: SyncMessage, parts: IntakeParts): SourceEvent | undefined {
  const { pages, levels, now } = parts;
  const { payload, type } = message;
  const device = message.device ?? message.deviceInfo;
  const { extensionId } = message;
  const from: Origin = {
    ...(device === undefined ? {} : { device }),
    ...(extensionId === undefined ? {} : { extensionId }),
  };
  const said = { message: message.id, at: Math.min(message.timestamp ?? now, now), from };
  if (type === 'heartbeat' || payload === undefined || payload.type === 'heartbeat') return undefined;
  if (payload.type !== 'context') {
    const key = tabKey(from, payload.tabId);
    const level = payload.privacyLevel ?? levels?.find(key) ?? tabLevel(pages, key);
    levels?.put(key, level);
    return { ...said, kind: 'tab', change: CHANGES[type], tab: cleanTab(payload, level), level };
  }
  const operation = type === 'create' || type === 'update' || type === 'delete' ? type : 'update';
  return { ...said, kind: 'context', operation, context: cleanContext(payload, operation, from, parts) };
}

const CHANGES: Readonly<Record<Exclude<SyncMessage['type'], 'heartbeat'>, TabChange>> = {
  create: 'activated',
  update: 'navigated',
  activate: 'activated',
  deactivate: 'deactivated',
  navigate: 'navigated',
  delete: 'closed',
};

function cleanTab(tab: TabPayload, level: PrivacyLevel): TabPayload {
  const { privacyLevel: _level, ...rest } = tab;
  return applyTabPrivacy(rest, level);
}

/** Of a context that is deleted it is kept which one it was, and not what was in it. */
function cleanContext(
  { context }: ContextPayload,
  operation: string,
  from: Origin,
  { pages, levels }: IntakeParts,
): JsonObject {
  const { id, type, tabId } = describeContext(context as unknown as JsonObject);
  // No tab's key is like it: those are lists in JSON.
  const name = `context ${id}`;
  const level = context.privacyLevel ?? levels?.find(name) ?? pages.contexts.get(id)?.level ?? 'public';
  levels?.put(name, level);
  if (operation !== 'delete') {
    if (tabId !== undefined && type === 'page') levels?.put(tabKey(from, tabId), level);
    return applyPrivacy(context, level);
  }
  return {
    id,
    type: pages.contexts.get(id)?.type ?? type,
    privacyLevel: level,
    ...(tabId === undefined ? {} : { tabId }),
  };
}

function tabLevel(pages: KnownPages, key: string): PrivacyLevel {
  const page = pages.tabs.get(key)?.page;
  return (page === undefined || page === null ? undefined : pages.contexts.get(page)?.level) ?? 'public';
}
