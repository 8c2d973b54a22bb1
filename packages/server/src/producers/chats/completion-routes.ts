import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import { callerOf } from '../caller.ts';
import { checkInput } from '../check-input.ts';
import type { AnswerRouteParts } from './answer-routes.ts';
import { chatStream, newId } from './chat-id.ts';
import { addChat } from './chat-routes.ts';
import type { ChatRecord } from './chat-store.ts';
import { readFailure } from './early-failure.ts';
import { type Done, messageEvent } from './events.ts';
import { openEventWriter } from './event-writer.ts';
import { type Followed, followAnswer } from './follow-answer.ts';
import { checkPrompt } from './question-body.ts';
import { startAnswer } from './start-answer.ts';
import { type About, chunksOf, completion, firstChunk } from './completion.ts';

const content = z.union([
  z.string(),
  z.array(z.looseObject({ type: z.string(), text: z.string().optional() })).max(1_000),
]);
const message = z.looseObject({ role: z.string(), content: content.nullish() });
const body = z.looseObject({
  model: z.string().max(200).optional(),
  messages: z.array(message).min(1).max(10_000),
  stream: z.boolean().nullish(),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
  /** Of OpenAI's own fields the one that any client can set. */
  metadata: z.looseObject({ chat_id: z.string().optional() }).nullish(),
});
type Body = z.infer<typeof body>;

const BODY = 8 * 1024 * 1024;

/**
 * `POST /v1/chat/completions` in OpenAI's form, so that any of its clients can talk to a chat. `metadata.chat_id` names
 * one: then only the last message counts, the others are in the chat already. Without it a chat is made of all of them.
 * Options of sampling are not passed on: the model is the server's to configure.
 */
export function mountCompletions(router: Router, parts: AnswerRouteParts): void {
  router.add({
    method: 'POST',
    path: '/v1/chat/completions',
    access: { scope: 'chats:write' },
    bodyLimit: BODY,
    handle: (exchange) => complete(parts, exchange),
  });
  router.add({
    method: 'GET',
    path: '/v1/models',
    access: { scope: 'chats:read' },
    handle: () => ({
      body: {
        object: 'list',
        data: [{ id: parts.model.name, object: 'model', created: 0, owned_by: 'playhead' }],
      },
    }),
  });
}

async function complete(parts: AnswerRouteParts, exchange: Exchange): Promise<Reply | undefined> {
  const asked = checkInput(body, await exchange.json());
  const last = asked.messages.at(-1);
  if (last?.role !== 'user')
    throw new PlayheadError('invalid-request', 'messages: the last must be of the user');
  const prompt = textOf(last);
  checkPrompt(prompt, parts.settings);
  const chat = await chatFor(parts, exchange, asked);
  const answer = await startAnswer(parts, { principal: callerOf(exchange), chat, prompt });
  answer.detach();
  const left = new AbortController();
  exchange.response.on('close', () => left.abort());
  const followed = await followAnswer(parts.hub, answer.key, 'start', left.signal);
  if (followed === undefined) throw new PlayheadError('stream-not-found', 'The answer is gone.');
  const about = {
    id: `chatcmpl-${answer.id}`,
    created: Math.floor(parts.clock.now() / 1_000),
    model: parts.model.name,
    chat: chat.id,
  };
  if (asked.stream !== true) return { body: await whole(about, followed) };
  const early = await readFailure(followed, parts.clock, parts.settings.firstMs);
  if (early.kind === 'failed') throw early.error;
  await stream(parts, exchange, about, early.events, asked.stream_options?.include_usage === true);
  return undefined;
}

async function chatFor(parts: AnswerRouteParts, exchange: Exchange, asked: Body): Promise<ChatRecord> {
  const { tenant, userId } = callerOf(exchange);
  const named = asked.metadata?.chat_id;
  if (named !== undefined) {
    const chat = await parts.store.get(tenant, named);
    if (chat !== undefined && (userId === null || chat.user === userId)) return chat;
    throw new PlayheadError('not-found', 'There is no such chat.');
  }
  const chat = await addChat(parts, exchange, undefined, '');
  const before = asked.messages.slice(0, -1).flatMap((one) => {
    const role = one.role === 'developer' ? 'system' : one.role;
    if (role !== 'user' && role !== 'assistant' && role !== 'system') return [];
    const message = { id: newId('msg'), role, content: textOf(one) } as const;
    return [messageEvent(userId === null ? message : { ...message, user: userId })];
  });
  if (before.length > 0) await parts.hub.append(chatStream(chat.tenant, chat.id), before);
  return chat;
}

async function whole(about: About, answer: AsyncIterable<Followed, void, void>): Promise<object> {
  const text: string[] = [];
  let done: Done | undefined;
  for await (const { event } of answer) {
    if (event.type === 'text') text.push(event.text);
    else if (event.type === 'error') throw new PlayheadError('upstream-failed', event.message);
    else if (event.type === 'done') done = event;
  }
  if (done === undefined)
    throw new PlayheadError('draining', 'The server is going away. The answer goes on in its chat.');
  return completion(about, text.join(''), done);
}

async function stream(
  { clock, settings }: AnswerRouteParts,
  exchange: Exchange,
  about: About,
  answer: AsyncIterable<Followed, void, void>,
  withUsage: boolean,
): Promise<void> {
  using writer = openEventWriter(exchange.response, clock, settings.heartbeatMs);
  await writer.write(firstChunk(about));
  for await (const { event } of answer) await writer.write(chunksOf(about, event, withUsage));
  writer.end();
}

function textOf({ content: said }: z.infer<typeof message>): string {
  if (typeof said === 'string') return said;
  return (said ?? []).map(({ type, text }) => (type === 'text' ? (text ?? '') : '')).join('');
}
