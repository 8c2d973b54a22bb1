import type { Exchange, Reply } from '../../http/exchange.ts';
import { type DurableParts, writableKeyIn } from './durable-parts.ts';
import { whyMissing } from './refusal.ts';

/** `DELETE`: the stream is gone at once; while it has forks, its name stays taken (L9). */
export async function remove(parts: DurableParts, exchange: Exchange): Promise<Reply> {
  const { log } = parts;
  const key = writableKeyIn(exchange, parts);
  if (!(await log.delete(key))) throw await whyMissing(log, key);
  return { status: 204 };
}
