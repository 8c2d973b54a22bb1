import type {
  LanguageModelV4Message,
  LanguageModelV4StreamPart,
  LanguageModelV4ToolCall,
} from '@ai-sdk/provider';
import type { AnswerPart, ModelUsage } from '../model.ts';

/** What a model said in one go, from a prompt to its end or to calls of tools. */
export interface Step {
  /** As the provider's word for it, or what that comes to. */
  readonly reason: string;
  readonly usage: ModelUsage;
  /** What it wants called. */
  readonly calls: readonly LanguageModelV4ToolCall[];
  /** All of it, as the next prompt tells it. */
  readonly content: AssistantContent;
}

type AssistantContent = Extract<LanguageModelV4Message, { role: 'assistant' }>['content'];
type Said = AssistantContent[number];

/** Tells the parts of a step as they come, and gives what it was. Throws what its stream does. */
export async function* readStep(
  stream: ReadableStream<LanguageModelV4StreamPart>,
): AsyncGenerator<AnswerPart, Step, void> {
  const content: Said[] = [];
  const calls: LanguageModelV4ToolCall[] = [];
  const open = new Map<string, string[]>();
  let reason = 'other';
  let usage: ModelUsage = {};
  const reader = stream.getReader();
  try {
    for (;;) {
      const { done, value: part } = await reader.read();
      if (done) return { reason, usage, calls, content };
      switch (part.type) {
        case 'text-delta':
        case 'reasoning-delta': {
          const pieces = open.get(part.id);
          if (pieces === undefined) open.set(part.id, [part.delta]);
          else pieces.push(part.delta);
          yield { kind: part.type === 'text-delta' ? 'text' : 'reasoning', text: part.delta };
          break;
        }
        // Some providers sign what was thought, and want it back as it was.
        case 'text-end':
        case 'reasoning-end': {
          const text = (open.get(part.id) ?? []).join('');
          open.delete(part.id);
          const more = part.providerMetadata === undefined ? {} : { providerOptions: part.providerMetadata };
          content.push({ type: part.type === 'text-end' ? 'text' : 'reasoning', text, ...more });
          break;
        }
        case 'tool-call': {
          const { toolCallId, toolName, input, providerExecuted, providerMetadata } = part;
          const parsed = inputOf(input);
          yield { kind: 'tool-call', id: toolCallId, name: toolName, input: parsed };
          // What the provider does itself needs nothing from here.
          if (providerExecuted === true) break;
          calls.push(part);
          const more = providerMetadata === undefined ? {} : { providerOptions: providerMetadata };
          content.push({ type: 'tool-call', toolCallId, toolName, input: parsed, ...more });
          break;
        }
        case 'tool-result': {
          const { toolCallId: id, toolName: name, result: output, isError: failed = false } = part;
          yield { kind: 'tool-result', id, name, output, failed };
          break;
        }
        case 'error':
          throw part.error;
        case 'finish': {
          const { inputTokens, outputTokens } = part.usage;
          reason = part.finishReason.unified;
          usage = {
            ...(inputTokens.total === undefined ? {} : { input: inputTokens.total }),
            ...(outputTokens.total === undefined ? {} : { output: outputTokens.total }),
          };
          break;
        }
        default:
      }
    }
  } finally {
    // Ends the request of an answer that is not read on.
    reader.cancel().catch(() => undefined);
  }
}

/** A model may call with what is no JSON: that is told as it is, and the call fails. */
function inputOf(text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    return text;
  }
}
