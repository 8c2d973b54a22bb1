import { z } from 'zod';
import { nameOf, type StreamKey, tenantOf } from '../../log/stream-key.ts';
import type { ContextSource, SourceChange } from '../context-source.ts';
import { type ComputerStore, KIND } from './computer-store.ts';

const page = z.object({ tab_id: z.string(), url: z.string(), title: z.string() });
const navigation = page.extend({ http_status: z.int().nullable() });
const tab = z.object({ tab_id: z.string() });
const ended = z.object({ status: z.literal('terminated') });

/** Computers as devices of the users that made them. One that a key without a user made is nobody's. */
export function computerContexts(store: ComputerStore): ContextSource {
  return {
    prefix: `${KIND}/`,
    async ownerOf(stream) {
      const id = idOf(stream);
      const user = (await store.get(tenantOf(stream), id))?.user ?? null;
      if (user === null) return undefined;
      return { user, device: { id, name: `Computer ${id.slice(5, 13)}`, formFactor: 'computer' } };
    },
    changes: ({ type, data }) => (typeof data === 'string' ? changesIn(type, data) : []),
  };
}

function idOf(stream: StreamKey): string {
  return nameOf(stream).slice(KIND.length + 1);
}

function changesIn(type: string, data: string): readonly SourceChange[] {
  switch (type) {
    case 'navigation': {
      const found = navigation.safeParse(JSON.parse(data)).data;
      if (found === undefined) return [];
      const { tab_id: tabId, url, title, http_status: status } = found;
      return [{ kind: 'navigated', tabId, url, title, ...(status === null ? {} : { statusCode: status }) }];
    }
    case 'page_loaded': {
      const found = page.safeParse(JSON.parse(data)).data;
      return found === undefined
        ? []
        : [{ kind: 'page', tabId: found.tab_id, url: found.url, title: found.title }];
    }
    case 'tab_activated':
    case 'tab_closed': {
      const found = tab.safeParse(JSON.parse(data)).data;
      if (found === undefined) return [];
      return [{ kind: type === 'tab_activated' ? 'activated' : 'closed', tabId: found.tab_id }];
    }
    case 'session_state':
      return ended.safeParse(JSON.parse(data)).success ? [{ kind: 'ended' }] : [];
    default:
      return [];
  }
}
