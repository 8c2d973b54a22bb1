import { formatPosition, jsonLine, PlayheadError, type Receipt } from '@playhead/protocol';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import type { SseFace, SseTransport } from '../../transports/transport.ts';
import { callerOf } from '../caller.ts';
import { chatOf } from './chat-access.ts';
import { answerName, chatStream } from './chat-id.ts';
import { PREFIXES } from './chat-routes.ts';
import type { ChatStore } from './chat-store.ts';
import { openEventWriter } from './event-writer.ts';
import { readFailure } from './early-failure.ts';
import { followAnswer } from './follow-answer.ts';
import type { LiveAnswer } from './live-answers.ts';
import { writePaced } from './paced-answer.ts';
import { readAgain, readQuestion } from './question-body.ts';
import { type Question, type StartParts, startAnswer } from './start-answer.ts';
import { foldAnswer } from './transcript.ts';

export interface AnswerRouteParts extends StartParts {
  readonly store: ChatStore;
  readonly sse: SseTransport;
}

const TEXT_BYTES = 900;

/** Asking, asking again, and watching the answer. */
export function mountAnswers(router: Router, parts: AnswerRouteParts): void {
  const access = { scope: 'chats:write' } as const;
  for (const prefix of PREFIXES) {
    const ours = prefix === '/v1/chats';
    const one = `${prefix}/:id`;
    router.add({
      method: 'POST',
      path: `${one}/messages`,
      access,
      async handle(exchange) {
        const chat = await chatOf(exchange, parts.store);
        const { detach, ...asked } = readQuestion(await exchange.json(), parts.settings);
        return ask(parts, exchange, ours || detach, { ...asked, principal: callerOf(exchange), chat });
      },
    });
    router.add({
      method: 'POST',
      path: `${one}/retry`,
      access,
      async handle(exchange) {
        const chat = await chatOf(exchange, parts.store);
        const { detach, runCommands } = readAgain(await exchange.json());
        const asked = { principal: callerOf(exchange), chat, prompt: undefined, runCommands };
        return ask(parts, exchange, ours || detach, asked);
      },
    });
    router.add({
      method: 'GET',
      path: `${one}/answer`,
      access: { scope: 'chats:read' },
      handle: (exchange) => watch(parts, exchange),
    });
  }
}

/** Starts an answer, and gives it as the document says; or only where it is, to whoever accepts JSON alone. */
async function ask(
  parts: AnswerRouteParts,
  exchange: Exchange,
  detached: boolean,
  question: Question,
): Promise<Reply | undefined> {
  const answer = await startAnswer(parts, question);
  if (exchange.request.headers.accept === 'application/json') {
    answer.detach();
    return { status: 202, body: { answer: answer.id, stream: answerName(answer.chat, answer.id) } };
  }
  if (detached) answer.detach();
  await give(parts, exchange, answer);
  return undefined;
}

/**
 * Gives an answer on the documented call. A model that fails before its first piece of text is told as an HTTP error,
 * if it does so in time (D-42); afterwards failing is an event.
 */
async function give(parts: AnswerRouteParts, exchange: Exchange, answer: LiveAnswer): Promise<void> {
  const { hub, clock, settings } = parts;
  const { response } = exchange;
  const left = new AbortController();
  response.on('close', () => left.abort());
  const followed = await followAnswer(hub, answer.key, 'start', left.signal);
  if (followed === undefined) throw new PlayheadError('stream-not-found', 'The answer is gone.');
  const early = await readFailure(followed, clock, settings.firstMs);
  if (early.kind === 'failed') throw early.error;
  using writer = openEventWriter(response, clock, settings.heartbeatMs);
  if (early.kind === 'late') await writer.write(': the model has not begun yet\n\n');
  await writePaced(early.events, writer, clock, { gapMs: settings.gapMs, textBytes: TEXT_BYTES });
  writer.end();
}

/** The answer that is being given, or the last: the text so far at an exact position, then the rest (F11). */
async function watch(parts: AnswerRouteParts, exchange: Exchange): Promise<undefined> {
  const chat = await chatOf(exchange, parts.store);
  const answer = parts.live.get(chatStream(chat.tenant, chat.id));
  if (answer === undefined) {
    exchange.response.writeHead(204, { 'cache-control': 'no-cache' }).end();
    return;
  }
  const folded = await foldAnswer(parts.log, answer.key);
  if (folded === undefined) throw new PlayheadError('stream-not-found', 'The answer is gone.');
  const { text, reasoning, position } = folded;
  const at = formatPosition(position);
  const snapshot = {
    answer: answer.id,
    stream: answerName(chat.id, answer.id),
    text,
    reasoning,
    position: at,
  };
  await parts.sse.respond(exchange, {
    key: answer.key,
    from: position,
    delivery: 'every',
    face: answerFace,
    preamble: (receipt, again) =>
      again
        ? answerFace.preamble(receipt, true)
        : `${receiptEvent(receipt)}id: ${at}\nevent: snapshot\ndata: ${jsonLine(snapshot)}\n\n`,
  });
}

/** An answer's stream on Server-Sent Events, as our other faces: `error` is called `problem` there. */
const answerFace: SseFace = {
  preamble: receiptEvent,
  encode({ epoch, first, events }) {
    let text = '';
    events.forEach(({ type, data }, i) => {
      if (typeof data !== 'string') return;
      const id = formatPosition({ epoch, offset: first + i });
      text += `id: ${id}\nevent: ${type === 'error' ? 'problem' : type}\ndata: ${data}\n\n`;
    });
    return text;
  },
  heartbeat: () => ': heartbeat\n\n',
  epilogue: () => '',
};

function receiptEvent(receipt: Receipt): string {
  return `event: receipt\ndata: ${jsonLine(receipt)}\n\n`;
}
