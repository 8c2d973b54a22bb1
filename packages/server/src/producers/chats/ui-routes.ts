import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import type { Exchange } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import { callerOf, parameter } from '../caller.ts';
import { checkInput } from '../check-input.ts';
import type { AnswerRouteParts } from './answer-routes.ts';
import { chatOf } from './chat-access.ts';
import { chatStream, isChatId } from './chat-id.ts';
import { addChat } from './chat-routes.ts';
import type { ChatRecord } from './chat-store.ts';
import { openEventWriter } from './event-writer.ts';
import { followAnswer } from './follow-answer.ts';
import type { LiveAnswer } from './live-answers.ts';
import { checkPrompt } from './question-body.ts';
import { startAnswer } from './start-answer.ts';
import { readTranscript } from './transcript.ts';
import { createUiStream, UI_HEADERS } from './ui-stream.ts';

const part = z.looseObject({ type: z.string(), text: z.string().optional() });
const message = z.looseObject({ id: z.string().max(128), role: z.string(), parts: z.array(part).max(1_000) });
const submission = z.looseObject({
  messages: z.array(message).min(1).max(10_000),
  trigger: z.enum(['submit-message', 'regenerate-message']).optional(),
});

/** Bytes of a submission: the SDK sends the whole conversation each time, of which only the last question counts. */
const BODY = 8 * 1024 * 1024;

/**
 * The AI SDK's own protocol, so that `useChat` works with `/v1/chats/{id}/ui`: sending, and resuming what is being
 * answered. A chat that is not there is made by its first question, because `useChat` makes up the id.
 */
export function mountUi(router: Router, parts: AnswerRouteParts): void {
  router.add({
    method: 'POST',
    path: '/v1/chats/:id/ui',
    access: { scope: 'chats:write' },
    bodyLimit: BODY,
    handle: (exchange) => submit(parts, exchange),
  });
  router.add({
    method: 'GET',
    path: '/v1/chats/:id/ui',
    access: { scope: 'chats:read' },
    async handle(exchange) {
      const { tenant, id } = await chatOf(exchange, parts.store);
      const said = await readTranscript(parts.log, chatStream(tenant, id));
      const messages = said.map((one) => ({
        id: one.id,
        role: one.role,
        parts: [{ type: 'text', text: one.content, state: 'done' }],
      }));
      return { body: { id, messages } };
    },
  });
  // Where the SDK looks depends on the address that it was given: this chat's, or that of all chats.
  for (const path of ['/v1/chats/:id/ui/stream', '/v1/chats/:id/ui/:chat/stream', '/v1/chats/:id/stream']) {
    router.add({
      method: 'GET',
      path,
      access: { scope: 'chats:read' },
      handle: (exchange) => resume(parts, exchange),
    });
  }
}

async function submit(parts: AnswerRouteParts, exchange: Exchange): Promise<undefined> {
  const { messages, trigger } = checkInput(submission, await exchange.json());
  const chat = await chatOrNew(parts, exchange);
  const asked = { principal: callerOf(exchange), chat };
  if (trigger === 'regenerate-message') {
    await give(parts, exchange, await startAnswer(parts, { ...asked, prompt: undefined }));
    return;
  }
  const last = messages.findLast(({ role }) => role === 'user');
  if (last === undefined) throw new PlayheadError('invalid-request', 'messages: there is none of the user');
  const prompt = last.parts.map(({ type, text }) => (type === 'text' ? (text ?? '') : '')).join('');
  checkPrompt(prompt, parts.settings);
  await give(parts, exchange, await startAnswer(parts, { ...asked, prompt, messageId: last.id }));
}

async function chatOrNew(parts: AnswerRouteParts, exchange: Exchange): Promise<ChatRecord> {
  const id = parameter(exchange, 'id');
  const known = await parts.store.get(callerOf(exchange).tenant, id);
  if (known !== undefined || !isChatId(id)) return chatOf(exchange, parts.store);
  return addChat(parts, exchange, id, '');
}

async function resume(parts: AnswerRouteParts, exchange: Exchange): Promise<undefined> {
  const chat = await chatOf(exchange, parts.store);
  const answer = parts.live.get(chatStream(chat.tenant, chat.id));
  if (answer !== undefined) await give(parts, exchange, answer);
  else exchange.response.writeHead(204, { 'cache-control': 'no-cache' }).end();
}

/** The whole answer from its beginning: the SDK builds its message anew when it resumes. */
async function give(parts: AnswerRouteParts, exchange: Exchange, answer: LiveAnswer): Promise<void> {
  const { hub, clock, settings } = parts;
  const { response } = exchange;
  answer.detach();
  const left = new AbortController();
  response.on('close', () => left.abort());
  const followed = await followAnswer(hub, answer.key, 'start', left.signal);
  if (followed === undefined) throw new PlayheadError('stream-not-found', 'The answer is gone.');
  using writer = openEventWriter(response, clock, settings.heartbeatMs, UI_HEADERS);
  const stream = createUiStream(answer.id.replace(/^ans_/, 'msg_'));
  await writer.write(stream.start());
  for await (const { event } of followed) await writer.write(stream.event(event));
  writer.end();
}
