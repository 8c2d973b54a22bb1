import { type LanguageModel, stepCountIs, streamText, type ToolSet } from 'ai';
import type { AnswerPart, Model, ModelRequest, ModelUsage } from '../model.ts';
import { sdkFailure } from './sdk-failure.ts';

export interface SdkModelParts {
  readonly name: string;
  readonly model: LanguageModel;
  /** What the model is told before everything else. */
  readonly instructions: string;
  /** What it may call for this request. */
  readonly tools: (request: ModelRequest) => ToolSet;
}

/** Calls of tools, one after the other, in one answer. */
const STEPS = 8;

/** A language model behind the AI SDK. It never retries by itself: what fails is told, and asking again is a call. */
export function sdkModel({ name, model, instructions, tools }: SdkModelParts): Model {
  return {
    name,
    async *answer(request) {
      const result = streamText({
        model,
        instructions: [instructions, ...systemMessages(request)].join('\n\n'),
        messages: request.messages.flatMap(({ role, content }) =>
          role === 'system' ? [] : [{ role, content }],
        ),
        tools: tools(request),
        stopWhen: stepCountIs(STEPS),
        abortSignal: request.signal,
        maxRetries: 0,
        // It is told by the stream, too.
        onError: () => undefined,
      });
      try {
        for await (const part of result.stream) {
          switch (part.type) {
            case 'text-delta':
              yield { kind: 'text', text: part.text };
              break;
            case 'reasoning-delta':
              yield { kind: 'reasoning', text: part.text };
              break;
            case 'tool-call':
              yield { kind: 'tool-call', id: part.toolCallId, name: part.toolName, input: part.input };
              break;
            case 'tool-result':
              yield toolResult(part.toolCallId, part.toolName, part.output, false);
              break;
            case 'tool-error':
              yield toolResult(part.toolCallId, part.toolName, messageOf(part.error), true);
              break;
            case 'error':
              throw part.error;
            case 'finish':
              yield { kind: 'finish', reason: part.finishReason, usage: usageOf(part.totalUsage) };
              break;
            default:
          }
        }
      } catch (error) {
        throw sdkFailure(error);
      }
    },
  };
}

function systemMessages({ messages }: ModelRequest): readonly string[] {
  return messages.flatMap(({ role, content }) => (role === 'system' ? [content] : []));
}

function toolResult(id: string, name: string, output: unknown, failed: boolean): AnswerPart {
  return { kind: 'tool-result', id, name, output, failed };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function usageOf(usage: { inputTokens?: number | undefined; outputTokens?: number | undefined }): ModelUsage {
  const { inputTokens, outputTokens } = usage;
  return {
    ...(inputTokens === undefined ? {} : { input: inputTokens }),
    ...(outputTokens === undefined ? {} : { output: outputTokens }),
  };
}
