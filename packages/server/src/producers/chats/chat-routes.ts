import { formatPosition, PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import type { EventLog } from '../../log/event-log.ts';
import type { Clock } from '../../runtime/clock.ts';
import { callerOf } from '../caller.ts';
import { checkInput } from '../check-input.ts';
import { chatOf } from './chat-access.ts';
import { answerName, chatStream, isChatId, newId } from './chat-id.ts';
import type { ChatRecord, ChatStore } from './chat-store.ts';
import type { LiveAnswers } from './live-answers.ts';
import { foldAnswer, readTranscript, type Said } from './transcript.ts';

export interface ChatRouteParts {
  readonly log: EventLog;
  readonly store: ChatStore;
  readonly live: LiveAnswers;
  readonly clock: Clock;
}

/** Where chats are: the document's own path, the one that its system has, and ours. */
export const PREFIXES = ['/chats', '/api/v1/actions/chats', '/v1/chats'] as const;

const READ = { scope: 'chats:read' } as const;
const WRITE = { scope: 'chats:write' } as const;

const creation = z.object({
  id: z.string().refine(isChatId, 'must be 1 to 64 of A-Z a-z 0-9 _ -').optional(),
  title: z.string().max(200).optional(),
});
const change = z.strictObject({ title: z.string().min(1).max(200) });
const paging = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(50),
  after: z.string().max(128).optional(),
});

/** Chats and their messages, but for what streams (CC-12). */
export function mountChats(router: Router, parts: ChatRouteParts): void {
  for (const prefix of PREFIXES) {
    const one = `${prefix}/:id`;
    router.add({ method: 'POST', path: prefix, access: WRITE, handle: (it) => create(parts, it) });
    router.add({ method: 'GET', path: prefix, access: READ, handle: (it) => list(parts, it) });
    router.add({ method: 'GET', path: one, access: READ, handle: (it) => show(parts, it) });
    router.add({ method: 'PATCH', path: one, access: WRITE, handle: (it) => rename(parts, it) });
    router.add({ method: 'DELETE', path: one, access: WRITE, handle: (it) => remove(parts, it) });
    router.add({ method: 'POST', path: `${one}/stop`, access: WRITE, handle: (it) => stop(parts, it) });
  }
}

async function create(parts: ChatRouteParts, exchange: Exchange): Promise<Reply> {
  const { id, title } = checkInput(creation, (await exchange.json()) ?? {});
  const chat = await addChat(parts, exchange, id, title ?? '');
  return { status: 201, body: { ...view(chat), messages: [] } };
}

/** Makes a chat of the caller's. Throws `conflict` if there is one of that id. */
export async function addChat(
  { log, store, clock }: Pick<ChatRouteParts, 'log' | 'store' | 'clock'>,
  exchange: Exchange,
  id: string | undefined,
  title: string,
): Promise<ChatRecord> {
  const { tenant, userId } = callerOf(exchange);
  const chat = { id: id ?? newId('chat'), tenant, user: userId, title, createdAt: clock.now() };
  if (!(await store.add(chat))) throw new PlayheadError('conflict', 'id: there is a chat of that id already');
  // A chat is kept until it is deleted (D-6).
  const created = await log.create(chatStream(tenant, chat.id), { retention: { maxAge: null } });
  if (created.kind === 'created') return chat;
  await store.remove(chat);
  throw new PlayheadError('conflict', 'id: there is a stream of that name already');
}

async function list({ store }: ChatRouteParts, exchange: Exchange): Promise<Reply> {
  const { tenant, userId } = callerOf(exchange);
  const { limit, after } = checkInput(paging, Object.fromEntries(exchange.query));
  const page = { limit, ...(after === undefined ? {} : { after }) };
  const { chats, next } = await store.list(tenant, userId ?? undefined, page);
  return { body: { chats: chats.map(view), ...(next === undefined ? {} : { next }) } };
}

async function show({ log, store, live }: ChatRouteParts, exchange: Exchange): Promise<Reply> {
  const chat = await chatOf(exchange, store);
  const key = chatStream(chat.tenant, chat.id);
  const answer = live.get(key);
  const folded = answer === undefined ? undefined : await foldAnswer(log, answer.key);
  const said = await readTranscript(log, key);
  return {
    body: {
      ...view(chat),
      messages: said.map(messageView),
      // As far as it was given: what follows is in its stream, behind that position.
      answer:
        answer === undefined || folded === undefined
          ? null
          : {
              id: answer.id,
              stream: answerName(chat.id, answer.id),
              text: folded.text,
              position: formatPosition(folded.position),
            },
    },
  };
}

async function rename({ store }: ChatRouteParts, exchange: Exchange): Promise<Reply> {
  const chat = await chatOf(exchange, store);
  const { title } = checkInput(change, await exchange.json());
  const renamed = { ...chat, title };
  await store.put(renamed);
  return { body: view(renamed) };
}

/** Ends the answer that is being given, and removes the chat with all that was said. */
async function remove({ log, store, live }: ChatRouteParts, exchange: Exchange): Promise<Reply> {
  const chat = await chatOf(exchange, store);
  const key = chatStream(chat.tenant, chat.id);
  const answer = live.get(key);
  answer?.session.stop({ kind: 'stopped', by: callerOf(exchange).keyId });
  await answer?.session.ended;
  await store.remove(chat);
  await log.delete(key);
  const prefix = `${answerName(chat.id, '')}`;
  for (;;) {
    const answers = await log.list({ tenant: chat.tenant, prefix, limit: 100 });
    for (const one of answers) await log.delete(one.key);
    if (answers.length < 100) return { status: 204 };
  }
}

/** Ends the answer that is being given; what was said stays. False if there is none. Not the same as leaving (F14). */
async function stop({ store, live }: ChatRouteParts, exchange: Exchange): Promise<Reply> {
  const chat = await chatOf(exchange, store);
  const answer = live.get(chatStream(chat.tenant, chat.id));
  answer?.session.stop({ kind: 'stopped', by: callerOf(exchange).keyId });
  await answer?.session.ended;
  return { body: { stopped: answer !== undefined } };
}

function view({ id, title, createdAt }: ChatRecord): object {
  return { id, title, created_at: new Date(createdAt).toISOString() };
}

function messageView({ at, id, role, content, attachments, answer, ending, model }: Said): object {
  const more = { attachments, answer, ending, model, created_at: new Date(at).toISOString() };
  return { id, role, content, ...more };
}
