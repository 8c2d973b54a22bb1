import { PlayheadError } from '@playhead/protocol';
import type { Exchange } from '../../http/exchange.ts';
import { callerOf, parameter } from '../caller.ts';
import type { ChatRecord, ChatStore } from './chat-store.ts';

/**
 * The chat that a path names, if the caller may see it: one of its tenant, and of its user if the key is bound to one.
 * What does not exist and what is another's are told alike.
 */
export async function chatOf(exchange: Exchange, store: ChatStore): Promise<ChatRecord> {
  const principal = callerOf(exchange);
  const chat = await store.get(principal.tenant, parameter(exchange, 'id'));
  if (chat === undefined || (principal.userId !== null && chat.user !== principal.userId)) {
    throw new PlayheadError('not-found', 'There is no such chat.');
  }
  return chat;
}
