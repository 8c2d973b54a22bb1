import { z } from 'zod';
import type { Exchange, Reply } from '../../http/exchange.ts';
import { checkInput } from '../check-input.ts';

/** Which part of a list is asked for. */
export interface PageQuery {
  readonly limit: number;
  readonly after?: string;
}

const page = z.object({
  limit: z.coerce.number().int().min(1).max(1000).default(100),
  after: z
    .string()
    .regex(/^[\x21-\x7e]{1,300}$/, 'must be the next of another page')
    .exactOptional(),
});

/** `?limit=&after=`; throws `invalid-request`. */
export function pageOf(exchange: Exchange): PageQuery {
  const { query } = exchange;
  const asked: Record<string, string> = {};
  for (const name of ['limit', 'after']) {
    const value = query.get(name);
    if (value !== null && value !== '') asked[name] = value;
  }
  return checkInput(page, asked);
}

/** A list in the envelope; `meta.next` is the `after` of the next page, absent on the last. */
export function listReply(
  exchange: Exchange,
  data: readonly unknown[],
  next: string | undefined,
  now: number,
): Reply {
  const meta = { request_id: exchange.id, timestamp: new Date(now).toISOString() };
  return { status: 200, body: { data, meta: next === undefined ? meta : { ...meta, next } } };
}
