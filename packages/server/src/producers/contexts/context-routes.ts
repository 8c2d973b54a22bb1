import { PlayheadError } from '@playhead/protocol';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import type { EventLog } from '../../log/event-log.ts';
import { CONTEXT_PATHS, contextId } from './context-id.ts';
import { viewContext } from './context-view.ts';
import type { Feed } from './feed.ts';
import type { Feeds } from './feeds.ts';
import type { JsonObject } from './json-value.ts';
import type { Publish } from './publish.ts';
import { userOf } from './request-user.ts';
import type { SyncResult } from './sync.ts';

export interface ContextRouteParts {
  readonly log: EventLog;
  readonly feeds: Feeds;
  readonly publish: Publish;
  /** A context that is not held in mind; undefined if there is none. */
  readonly past: (feed: Feed, id: string) => Promise<JsonObject | undefined>;
  /** Messages in one sync. */
  readonly syncs: number;
}

const READ = { scope: 'contexts:read' } as const;
const WRITE = { scope: 'contexts:write' } as const;

/** `/api/v1/context`: what a user looks at now, one context, and the extension's way to write (CX-26, CX-27). */
export function mountContexts(router: Router, parts: ContextRouteParts): void {
  router.add({
    method: 'POST',
    path: '/api/v1/context/sync',
    access: WRITE,
    handle: (exchange) => sync(parts, exchange),
  });
  router.add({
    method: 'GET',
    path: '/api/v1/context/current',
    access: READ,
    async handle(exchange) {
      const { tenant, user } = userOf(exchange);
      const found = await parts.feeds.peek(tenant, user, (feed) => {
        const known = feed.pages.current;
        return known === undefined ? undefined : viewContext(parts.log, feed, known);
      });
      if (found === undefined) throw new PlayheadError('not-found', 'The user looks at nothing now.');
      return { body: found };
    },
  });
  for (const path of CONTEXT_PATHS)
    router.add({
      method: 'GET',
      path,
      access: READ,
      async handle(exchange) {
        const { tenant, user } = userOf(exchange);
        const id = contextId(exchange, path);
        const found = await parts.feeds.peek(tenant, user, (feed) => {
          const known = feed.pages.contexts.get(id);
          return known === undefined ? parts.past(feed, id) : viewContext(parts.log, feed, known);
        });
        if (found === undefined) throw new PlayheadError('not-found', 'There is no such context.');
        return { body: found };
      },
    });
}

/** One message, or several as `{messages: […]}` or a list: then each has its own result. */
async function sync({ publish, syncs }: ContextRouteParts, exchange: Exchange): Promise<Reply> {
  const body = await exchange.json();
  const list = listIn(body);
  if (list !== undefined && (list.length === 0 || list.length > syncs))
    throw new PlayheadError('invalid-request', `messages: 1 to ${syncs} in one sync.`);
  const messages = list ?? [body];
  const answer = await publish.sync(userOf(exchange, firstUser(messages)), messages);
  if (answer.kind !== 'synced')
    throw new PlayheadError('forbidden', 'The key lacks the scope contexts:write.');
  const results = answer.results as readonly SyncResult[];
  const [first] = results;
  // A single message, or a batch of which nothing can be stored, fails as a whole.
  if (first?.error !== undefined && results.every(({ success }) => !success)) {
    const forbidden = list === undefined && first.error.code === 'unauthorized';
    throw new PlayheadError(forbidden ? 'forbidden' : 'invalid-request', first.error.message, {
      extensions: list === undefined ? {} : { results },
    });
  }
  if (list === undefined) return { body: first };
  const of = (status: string): number => results.filter((result) => result.status === status).length;
  const counts = {
    stored: of('stored'),
    duplicates: of('duplicate'),
    failed: results.filter(({ success }) => !success).length,
  };
  return { body: { success: true, ...counts, results } };
}

function listIn(body: unknown): readonly unknown[] | undefined {
  if (Array.isArray(body)) return body as readonly unknown[];
  const messages =
    typeof body === 'object' && body !== null && 'messages' in body ? body.messages : undefined;
  return Array.isArray(messages) ? (messages as readonly unknown[]) : undefined;
}

/** Whom a message names: for a key that may act for any user. */
function firstUser([first]: readonly unknown[]): string | undefined {
  const user = typeof first === 'object' && first !== null && 'userId' in first ? first.userId : undefined;
  return typeof user === 'string' ? user : undefined;
}
