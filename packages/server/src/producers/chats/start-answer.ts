import { jsonLine, PlayheadError } from '@playhead/protocol';
import type { Principal } from '../../access/principal.ts';
import type { Hub } from '../../hub/hub.ts';
import type { EventLog, LogEvent } from '../../log/event-log.ts';
import { openSession, type Session, type SessionParts } from '../../sessions/session.ts';
import { answerName, answerStream, chatStream, KIND, newId } from './chat-id.ts';
import type { ChatRecord } from './chat-store.ts';
import { continued } from './continued.ts';
import {
  type AnswerEnding,
  answeringEvent,
  type Attachment,
  doneEvent,
  failureEvent,
  type Message,
  messageEvent,
  startedEvent,
} from './events.ts';
import type { LiveAnswer, LiveAnswers } from './live-answers.ts';
import type { Model, ModelMessage } from './model.ts';
import { modelParts } from './model-parts.ts';
import { type RunParts, runAnswer } from './run-answer.ts';
import { readTranscript, type Said } from './transcript.ts';

export interface StartParts extends RunParts {
  readonly log: EventLog;
  readonly hub: Hub;
  readonly sessions: SessionParts;
  readonly live: LiveAnswers;
  readonly model: Model;
  /** What a stream's range says, as text for the model; throws what the principal may not read. */
  readonly quote: (principal: Principal, attachment: Attachment) => Promise<string>;
}

export interface Question {
  readonly principal: Principal;
  readonly chat: ChatRecord;
  /** Undefined: the last question again. */
  readonly prompt: string | undefined;
  readonly attachments?: readonly Attachment[];
  /** The client's own id for the message. */
  readonly messageId?: string;
  /** Whether commands may be run for this answer (D-19). */
  readonly runCommands?: boolean;
}

/**
 * Puts a question into a chat and begins its answer; resolves as soon as that has a stream. Throws `conflict` while
 * the chat is being answered, or if there is nothing to try again.
 */
export async function startAnswer(parts: StartParts, question: Question): Promise<LiveAnswer> {
  const { clock, log, settings, model, live } = parts;
  const { principal, chat, prompt, runCommands = false } = question;
  const key = chatStream(chat.tenant, chat.id);
  using claim = await live.claim(key);
  // Before anything is kept: a question about what cannot be read is refused whole.
  await Promise.all((question.attachments ?? []).map((attachment) => parts.quote(principal, attachment)));
  const asking = prompt === undefined ? undefined : asked(question, prompt);
  const { messages, replaces } = toAnswer(await readTranscript(log, key), asking);
  const quoted = await withQuotes(parts, principal, messages);
  // The model is asked while the question is being kept: what it says is told to nobody before that.
  const stopping = new AbortController();
  const request = { messages: quoted, principal, runCommands, signal: stopping.signal };
  const pieces = modelParts(model, request, clock, settings.stallMs);
  const first = pieces.next();
  first.catch(() => undefined);
  const id = newId('ans');
  try {
    const session = await keepQuestion(parts, chat, id, asking);
    session.signal.addEventListener('abort', () => stopping.abort());
    const answer = claim.hold({ id, chat: chat.id, key: session.key, session });
    const kept = {
      tenant: chat.tenant,
      user: chat.user,
      chat: chat.id,
      answer: id,
      model: model.name,
      replaces,
    };
    void runAnswer(parts, {
      session,
      said: continued([], first, pieces),
      finishing: () => answer.finishing(),
      keep: (text, ending) => keepAnswer(parts, { ...kept, text, ending }),
    }).catch((error: unknown) =>
      parts.logger.error({ error }, 'an answer has no end yet; the next start gives it one'),
    );
    return answer;
  } catch (error) {
    stopping.abort();
    throw error;
  }
}

/** Puts the question into the chat and makes the answer's stream; both, or the answer ends as failed. */
async function keepQuestion(
  parts: StartParts,
  chat: ChatRecord,
  id: string,
  asking: Message | undefined,
): Promise<Session> {
  const { settings, model } = parts;
  const key = chatStream(chat.tenant, chat.id);
  const stream = answerName(chat.id, id);
  const events = [
    ...(asking === undefined ? [] : [messageEvent(asking)]),
    // Whoever watches the chat is told where its answer is.
    answeringEvent({ answer: id, stream, model: model.name }),
  ];
  const [kept, opened] = await Promise.allSettled([
    append(parts, key, events),
    openSession(parts.sessions, {
      kind: KIND,
      key: answerStream(chat.tenant, chat.id, id),
      lease: { idle: null, lifetime: settings.timeLimitMs, notice: settings.noticeMs },
      first: [startedEvent({ chat: chat.id, answer: id, model: model.name })],
      expiring: (expiresAt) => ({
        type: 'expiring',
        data: jsonLine({ expires_at: new Date(expiresAt).toISOString() }),
      }),
    }),
  ]);
  if (opened.status === 'rejected') throw opened.reason;
  if (opened.value === undefined)
    throw new PlayheadError('conflict', 'There is an answer of that id already.');
  if (kept.status === 'fulfilled') return opened.value;
  const failed = failureEvent({
    code: 'internal',
    message: 'The question could not be kept.',
    reason: 'storage',
  });
  const done = doneEvent({ ending: 'failed', duration_ms: 0 });
  await opened.value.end({ kind: 'failed', reason: 'storage' }, [failed, done], () => Promise.resolve());
  throw kept.reason;
}

/** What is known of an answer that ends. */
export interface AnswerText {
  readonly tenant: string;
  readonly chat: string;
  readonly answer: string;
  readonly text: string;
  readonly ending: AnswerEnding;
  readonly model?: string;
  readonly replaces?: string | undefined;
  readonly user?: string | null;
}

/**
 * Puts an answer's text into its chat, exactly once however often it is called: the answer is the writer, and this its
 * only sequence. An answer that said nothing leaves no message.
 */
export async function keepAnswer(parts: Pick<StartParts, 'hub'>, kept: AnswerText): Promise<void> {
  const { answer, text, ending, model, replaces, user = null } = kept;
  if (text === '') return;
  const message: Message = {
    id: answer.replace(/^ans_/, 'msg_'),
    role: 'assistant',
    content: text,
    answer,
    ending,
    ...(model === undefined ? {} : { model }),
    ...(replaces === undefined ? {} : { replaces }),
    ...(user === null ? {} : { user }),
  };
  const guard = { kind: 'writer', id: answer, epoch: 0, sequence: 0 } as const;
  await parts.hub.append(chatStream(kept.tenant, kept.chat), [messageEvent(message)], { guard });
}

async function append(
  { hub }: StartParts,
  key: ReturnType<typeof chatStream>,
  events: readonly LogEvent[],
): Promise<void> {
  const appended = await hub.append(key, events);
  if (appended.kind !== 'appended') throw new PlayheadError('not-found', 'There is no such chat.');
}

function asked({ chat, attachments, messageId }: Question, prompt: string): Message {
  return {
    id: messageId ?? newId('msg'),
    role: 'user',
    content: prompt,
    ...(chat.user === null ? {} : { user: chat.user }),
    ...(attachments === undefined || attachments.length === 0 ? {} : { attachments }),
  };
}

/** What a model is to answer: all up to the last question, and the answer to it that is replaced, if there is one. */
function toAnswer(
  said: readonly Said[],
  asking: Message | undefined,
): { messages: readonly Message[]; replaces: string | undefined } {
  if (asking !== undefined) return { messages: [...said, asking], replaces: undefined };
  const last = said.findLastIndex(({ role }) => role === 'user');
  if (last < 0) throw new PlayheadError('conflict', 'This chat has no question yet.');
  return { messages: said.slice(0, last + 1), replaces: said[last + 1]?.id };
}

async function withQuotes(
  { quote }: StartParts,
  principal: Principal,
  messages: readonly Message[],
): Promise<readonly ModelMessage[]> {
  return Promise.all(
    messages.map(async ({ role, content, attachments = [] }) => {
      const quotes = await Promise.all(
        attachments.map((attachment) =>
          // What an earlier question was about may be gone by now.
          quote(principal, attachment).catch(
            () => `(The stream ${attachment.stream} can no longer be read.)`,
          ),
        ),
      );
      return { role, content: [content, ...quotes].join('\n\n') };
    }),
  );
}
