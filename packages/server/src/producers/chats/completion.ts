import { jsonLine } from '@playhead/protocol';
import type { AnswerEvent, Done } from './events.ts';

/** What every piece of a completion says of it. */
export interface About {
  readonly id: string;
  /** s since 1970. */
  readonly created: number;
  readonly model: string;
  /** Where the conversation goes on. */
  readonly chat: string;
}

/** A whole answer as one `chat.completion` of OpenAI's interface. */
export function completion(about: About, content: string, done: Done): object {
  return {
    ...head(about, 'chat.completion'),
    choices: [
      {
        index: 0,
        message: { role: 'assistant', content, refusal: null },
        logprobs: null,
        finish_reason: finishReason(done),
      },
    ],
    usage: usage(done),
  };
}

/** The beginning of a streamed answer. */
export function firstChunk(about: About): string {
  return chunk(about, { role: 'assistant', content: '' }, null);
}

/** An event of an answer as pieces of a streamed one: the text of Server-Sent Events, '' for what has no form there. */
export function chunksOf(about: About, event: AnswerEvent, withUsage: boolean): string {
  switch (event.type) {
    case 'text':
      return chunk(about, { content: event.text }, null);
    case 'reasoning':
      return chunk(about, { reasoning_content: event.text }, null);
    case 'tool_call':
    case 'tool_result':
      return '';
    case 'error':
      return `data: ${jsonLine({ error: { message: event.message, type: 'server_error', code: event.code } })}\n\n`;
    case 'done': {
      const last = chunk(about, {}, finishReason(event));
      const used = withUsage
        ? `data: ${jsonLine({ ...head(about, 'chat.completion.chunk'), choices: [], usage: usage(event) })}\n\n`
        : '';
      return `${last}${used}data: [DONE]\n\n`;
    }
  }
}

function chunk(about: About, delta: object, finish_reason: string | null): string {
  const choices = [{ index: 0, delta, logprobs: null, finish_reason }];
  return `data: ${jsonLine({ ...head(about, 'chat.completion.chunk'), choices })}\n\n`;
}

function head({ id, created, model, chat }: About, object: string): object {
  return { id, object, created, model, metadata: { chat_id: chat } };
}

function finishReason({ finish_reason: reason }: Done): string {
  switch (reason) {
    case 'length':
      return 'length';
    case 'content-filter':
      return 'content_filter';
    default:
      return 'stop';
  }
}

function usage({ usage: used }: Done): object {
  const prompt = used?.input ?? 0;
  const answer = used?.output ?? 0;
  return { prompt_tokens: prompt, completion_tokens: answer, total_tokens: prompt + answer };
}
