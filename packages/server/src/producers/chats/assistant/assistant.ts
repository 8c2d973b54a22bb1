import type { AnswerPart, Model } from '../model.ts';
import { ANSWERS } from './answers.ts';
import { type MemoryParts, memoryOf } from './memory.ts';
import { understand } from './question.ts';

const SELF =
  'I am the assistant that comes with this server, not a language model: I look up what its streams hold and say where I ' +
  'found it. Ask me what ran last and how it ended, what failed and where, what is running now, what a command printed ' +
  'around a phrase, which pages were visited, what was looked at last, or for any words that were said.';
const NOTHING =
  'I found nothing about that in the streams that you may see. I am no language model: I only look things up. Ask, for ' +
  'example, "what ran last?", "what failed?", or put the words that you look for into quotes.';
const INTRODUCTION =
  '\n\n(I am the assistant that comes with this server: I look things up in its streams, and am no language model.)';

/**
 * Answers from the server's own streams, without network or key. It names the stream and the position of all that it
 * says, introduces itself with its first answer in a chat, and says so when it found nothing.
 */
export function createAssistant(parts: MemoryParts): Model {
  return {
    name: 'playhead-assistant',
    async *answer({ messages, principal, signal }): AsyncGenerator<AnswerPart, void, void> {
      const asked = messages.findLast(({ role }) => role === 'user')?.content ?? '';
      const question = understand(asked);
      let found = false;
      if (question.intent === 'self') {
        found = true;
        yield { kind: 'text', text: SELF };
      } else {
        for await (const text of ANSWERS[question.intent](memoryOf(parts, principal), question)) {
          if (signal.aborted) return;
          found = true;
          yield { kind: 'text', text };
        }
      }
      if (!found) yield { kind: 'text', text: NOTHING };
      else if (question.intent !== 'self' && !messages.some(({ role }) => role === 'assistant')) {
        yield { kind: 'text', text: INTRODUCTION };
      }
      yield { kind: 'finish', reason: 'stop' };
    },
  };
}
