import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { Exchange } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Clock } from '../../runtime/clock.ts';
import { checkInput } from '../check-input.ts';
import { CONTEXT_PATHS, contextId } from './context-id.ts';
import { eraseContext } from './erase-context.ts';
import type { Feeds } from './feeds.ts';
import { type HistoryFilter, type HistoryParts, readHistory, searchHistory } from './history.ts';
import { isIndexed, PATIENCE_MS } from './is-indexed.ts';
import { userOf } from './request-user.ts';

export interface HistoryRouteParts extends HistoryParts {
  readonly feeds: Feeds;
  readonly clock: Clock;
  forget(stream: StreamKey, position: string): Promise<void>;
}

/** An erasure must know all. */
const ERASURE_MS = 10_000;

const time = z
  .string()
  .max(40)
  .transform((text) => (/^\d{1,16}$/.test(text) ? Number(text) : Date.parse(text)))
  .refine((ms) => !Number.isNaN(ms), 'must be a time in ISO 8601, or ms since 1970');
const word = z.string().min(1).max(256);

const asked = z.object({
  from: time.exactOptional(),
  to: time.exactOptional(),
  type: word.exactOptional(),
  url: z.string().min(1).max(16_384).exactOptional(),
  device: word.exactOptional(),
  tab: word.exactOptional(),
  context: word.exactOptional(),
  cursor: z.string().max(80).exactOptional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

const FIELDS = ['from', 'to', 'type', 'url', 'device', 'tab', 'context', 'cursor', 'limit'] as const;

/** `/api/v1/context/history`, `/search` and the deletion of a context. */
export function mountHistory(router: Router, parts: HistoryRouteParts): void {
  const { feeds, clock } = parts;

  router.add({
    method: 'GET',
    path: '/api/v1/context/history',
    access: { scope: 'contexts:read' },
    async handle(exchange) {
      const who = userOf(exchange);
      const { filter, page } = read(exchange);
      const complete = await isIndexed(parts, PATIENCE_MS);
      return {
        body: { ...(await readHistory(parts, who, filter, page)), ...(complete ? {} : { indexing: true }) },
      };
    },
  });
  router.add({
    method: 'GET',
    path: '/api/v1/context/search',
    access: { scope: 'contexts:read' },
    async handle(exchange) {
      const who = userOf(exchange);
      const text = exchange.query.get('q') ?? '';
      if (text === '' || text.length > 1_000)
        throw new PlayheadError('invalid-request', 'q: must be 1 to 1000 characters.', {
          extensions: { field: 'q' },
        });
      const { filter, page } = read(exchange);
      const complete = await isIndexed(parts, PATIENCE_MS);
      const found = await searchHistory(parts, who, text, filter, page);
      return { body: { ...found, ...(complete ? {} : { indexing: true }) } };
    },
  });
  for (const path of CONTEXT_PATHS)
    router.add({
      method: 'DELETE',
      path,
      access: { scope: 'contexts:write' },
      async handle(exchange) {
        const { tenant, user } = userOf(exchange);
        const id = contextId(exchange, path);
        const erased = await feeds.peek(tenant, user, async (feed) => {
          await feed.settled(PATIENCE_MS);
          if (!feed.isSettled || !(await isIndexed(parts, ERASURE_MS)))
            throw new PlayheadError('overloaded', 'Not all of it can be found yet. Try again.');
          return eraseContext(parts, feed, id, clock.now());
        });
        if (erased === undefined || erased === 0)
          throw new PlayheadError('not-found', 'There is no such context.');
        return { body: { success: true, contextId: id, erased } };
      },
    });
}

function read(exchange: Exchange): {
  readonly filter: HistoryFilter;
  readonly page: { readonly cursor?: string; readonly limit: number };
} {
  const given: Record<string, string> = {};
  for (const name of FIELDS) {
    const value = exchange.query.get(name);
    if (value !== null && value !== '') given[name] = value;
  }
  const { from, to, cursor, limit, ...filter } = checkInput(asked, given);
  return {
    filter: {
      ...filter,
      ...(from === undefined ? {} : { since: from }),
      ...(to === undefined ? {} : { until: to }),
    },
    page: { limit, ...(cursor === undefined ? {} : { cursor }) },
  };
}
