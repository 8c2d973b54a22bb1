import { isStreamName, PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import { checkInput } from '../check-input.ts';
import type { Attachment } from './events.ts';
import type { ChatSettings } from './settings.ts';

const attachment = z.strictObject({
  stream: z.string().refine(isStreamName, 'must be the name of a stream'),
  after: z.string().max(64).optional(),
  limit: z.int().min(1).max(200).optional(),
});

const question = z.object({
  prompt: z.string(),
  detach: z.boolean().optional(),
  attachments: z.array(attachment).max(8).optional(),
  allow: z.array(z.literal('run')).max(1).optional(),
});

export interface QuestionBody extends AgainBody {
  readonly prompt: string;
  readonly attachments: readonly Attachment[];
}

/** Of a question that is tried again there is no prompt. */
export interface AgainBody {
  /** The answer goes on when its reader leaves. */
  readonly detach: boolean;
  /** Commands may be run for this answer (D-19). */
  readonly runCommands: boolean;
}

const again = question.omit({ prompt: true, attachments: true });

export function readQuestion(body: unknown, settings: ChatSettings): QuestionBody {
  const asked = checkInput(question, body);
  const { prompt, attachments = [] } = asked;
  checkPrompt(prompt, settings);
  return {
    ...optionsOf(asked),
    prompt,
    attachments: attachments.map(({ stream, after, limit }) => ({
      stream,
      ...(after === undefined ? {} : { after }),
      ...(limit === undefined ? {} : { limit }),
    })),
  };
}

export function readAgain(body: unknown): AgainBody {
  return optionsOf(checkInput(again, body ?? {}));
}

function optionsOf({ detach, allow }: z.infer<typeof again>): AgainBody {
  return { detach: detach === true, runCommands: allow?.includes('run') === true };
}

/** A prompt says something, and not more than a model can take. */
export function checkPrompt(prompt: string, { promptBytes }: ChatSettings): void {
  if (prompt.trim() === '') throw new PlayheadError('invalid-request', 'prompt: must not be empty');
  if (Buffer.byteLength(prompt) > promptBytes) {
    throw new PlayheadError('too-large', `prompt: must be at most ${promptBytes} bytes`, {
      extensions: { limit: promptBytes },
    });
  }
}
