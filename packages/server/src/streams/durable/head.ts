import type { Exchange, Reply } from '../../http/exchange.ts';
import { type DurableParts, keyIn } from './durable-parts.ts';
import { whyMissing } from './refusal.ts';
import { CONTENT_HEADERS, describingHeaders } from './stream-headers.ts';

/** `HEAD`: how the stream was made and where it ends. Does not count as a use of it. */
export async function head({ log }: DurableParts, exchange: Exchange): Promise<Reply> {
  const key = keyIn(exchange);
  const bounds = await log.bounds(key);
  if (bounds === undefined) throw await whyMissing(log, key);
  return {
    status: 200,
    headers: { ...describingHeaders(bounds), ...CONTENT_HEADERS, 'Cache-Control': 'no-store' },
  };
}
