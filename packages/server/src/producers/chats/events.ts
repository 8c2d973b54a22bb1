import { jsonLine } from '@playhead/protocol';
import { z } from 'zod';
import type { LogEvent } from '../../log/event-log.ts';
import type { AnswerPart, ModelUsage } from './model.ts';

/** How an answer ended, as every face says it. `lost`: the server went while it was given. */
export type AnswerEnding = 'completed' | 'stopped' | 'failed' | 'expired' | 'lost';

const ENDINGS = ['completed', 'stopped', 'failed', 'expired', 'lost'] as const;

/** A stream's range that a question is about. */
export interface Attachment {
  readonly stream: string;
  /** The first event, or `start`. Default: the last few events. */
  readonly after?: string;
  /** Default 20. */
  readonly limit?: number;
}

/** A message of a chat, as it stands in the chat's stream (type `message`). */
export interface Message {
  readonly id: string;
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: string;
  /** The message whose place this one takes: an answer that was tried again. */
  readonly replaces?: string;
  readonly attachments?: readonly Attachment[];
  /** Whose chat it is in, if it is a user's: nobody else finds it by search. */
  readonly user?: string;
  /** Of an assistant's message: the answer that it is the text of. */
  readonly answer?: string;
  readonly ending?: AnswerEnding;
  readonly model?: string;
}

const messageSchema = z.object({
  id: z.string(),
  role: z.enum(['user', 'assistant', 'system']),
  content: z.string(),
  replaces: z.string().optional(),
  user: z.string().optional(),
  attachments: z
    .array(z.object({ stream: z.string(), after: z.string().optional(), limit: z.int().optional() }))
    .optional(),
  answer: z.string().optional(),
  ending: z.enum(ENDINGS).optional(),
  model: z.string().optional(),
});

export function messageEvent(message: Message): LogEvent {
  return { type: 'message', data: jsonLine(message) };
}

/** A message that was read back; undefined for other events, and for one that was erased. */
export function readMessage(event: LogEvent): Message | undefined {
  if (event.type !== 'message' || typeof event.data !== 'string') return undefined;
  const parsed = messageSchema.safeParse(JSON.parse(event.data));
  return parsed.success ? (parsed.data as Message) : undefined;
}

/** Tells the readers of a chat that an answer begins, and which stream it is. */
export function answeringEvent(about: { answer: string; stream: string; model: string }): LogEvent {
  return { type: 'answering', data: jsonLine(about) };
}

/** The first event of an answer's stream. */
export function startedEvent(about: { chat: string; answer: string; model: string }): LogEvent {
  return { type: 'started', data: jsonLine(about) };
}

/** A part of an answer that is an event of its stream: all but `finish`, which becomes part of `done`. */
export type SaidPart = Exclude<AnswerPart, { readonly kind: 'finish' }>;

export function partEvent(part: SaidPart): LogEvent {
  switch (part.kind) {
    case 'text':
      return { type: 'text', data: jsonLine({ text: part.text }) };
    case 'reasoning':
      return { type: 'reasoning', data: jsonLine({ text: part.text }) };
    case 'tool-call':
      return {
        type: 'tool_call',
        data: jsonLine({ id: part.id, name: part.name, input: part.input ?? null }),
      };
    case 'tool-result': {
      const { id, name, failed } = part;
      return { type: 'tool_result', data: jsonLine({ id, name, output: part.output ?? null, failed }) };
    }
  }
}

/** Why an answer failed: a problem code, and words for people. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly reason?: string;
  /** s. */
  readonly retry_after?: number;
}

export function failureEvent(failure: Failure): LogEvent {
  return { type: 'error', data: jsonLine(failure) };
}

export interface Done {
  readonly ending: AnswerEnding;
  readonly finish_reason?: string;
  readonly usage?: ModelUsage;
  readonly duration_ms: number;
}

/** The last event of every answer. */
export function doneEvent(done: Done): LogEvent {
  return { type: 'done', data: jsonLine(done) };
}

/** An answer's event, read back. */
export type AnswerEvent =
  | { readonly type: 'text'; readonly text: string }
  | { readonly type: 'reasoning'; readonly text: string }
  | { readonly type: 'tool_call'; readonly id: string; readonly name: string; readonly input: unknown }
  | {
      readonly type: 'tool_result';
      readonly id: string;
      readonly name: string;
      readonly output: unknown;
      readonly failed: boolean;
    }
  | ({ readonly type: 'error' } & Failure)
  | ({ readonly type: 'done' } & Done);

const answerSchema = z.discriminatedUnion('type', [
  z.object({ type: z.literal('text'), text: z.string() }),
  z.object({ type: z.literal('reasoning'), text: z.string() }),
  z.object({ type: z.literal('tool_call'), id: z.string(), name: z.string(), input: z.unknown() }),
  z.object({
    type: z.literal('tool_result'),
    id: z.string(),
    name: z.string(),
    output: z.unknown(),
    failed: z.boolean(),
  }),
  z.object({
    type: z.literal('error'),
    code: z.string(),
    message: z.string(),
    reason: z.string().optional(),
    retry_after: z.number().optional(),
  }),
  z.object({
    type: z.literal('done'),
    ending: z.enum(ENDINGS),
    finish_reason: z.string().optional(),
    usage: z.object({ input: z.number().optional(), output: z.number().optional() }).optional(),
    duration_ms: z.number(),
  }),
]);

/** Undefined for events that tell of no piece (`started`, `expiring`) and for erased ones. */
export function readAnswerEvent({ type, data }: LogEvent): AnswerEvent | undefined {
  return typeof data === 'string' ? answerEventOf(type, JSON.parse(data)) : undefined;
}

/** The same from data that were parsed already. */
export function answerEventOf(type: string, data: unknown): AnswerEvent | undefined {
  // Nearly all of them, and as this server wrote them.
  if (type === 'text') return { type, text: String((data as { text: unknown }).text) };
  const parsed = answerSchema.safeParse({ ...(data as object), type });
  return parsed.success ? (parsed.data as AnswerEvent) : undefined;
}
