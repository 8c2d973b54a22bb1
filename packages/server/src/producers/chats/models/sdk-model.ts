import type {
  LanguageModelV4,
  LanguageModelV4FunctionTool,
  LanguageModelV4Message,
  LanguageModelV4ToolCall,
  LanguageModelV4ToolResultPart,
} from '@ai-sdk/provider';
import type { AnswerPart, Model, ModelRequest, ModelUsage } from '../model.ts';
import type { ModelTools } from '../model-tool.ts';
import { sdkFailure } from './sdk-failure.ts';
import { readStep, type Step } from './sdk-step.ts';

export interface SdkModelParts {
  readonly name: string;
  readonly model: LanguageModelV4;
  /** What the model is told before everything else. */
  readonly instructions: string;
  /** What it may call for this request. */
  readonly tools: (request: ModelRequest) => ModelTools;
}

/** Calls of tools, one after the other, in one answer. */
const STEPS = 8;

/**
 * A language model behind the AI SDK's interface of providers, which is asked directly: what its `streamText` puts in
 * between costs more per piece than all of the way through this server. It never retries by itself: what fails is told,
 * and asking again is a call.
 */
export function sdkModel({ name, model, instructions, tools: toolsFor }: SdkModelParts): Model {
  return {
    name,
    async *answer(request) {
      const tools = toolsFor(request);
      const said: LanguageModelV4Message[] = promptOf(instructions, request);
      const usage: { input?: number; output?: number } = {};
      try {
        for (let steps = 1; ; steps++) {
          const step = yield* ask(model, said, tools, request.signal);
          add(usage, step.usage);
          if (step.calls.length === 0 || steps === STEPS || request.signal.aborted) {
            yield { kind: 'finish', reason: step.reason, usage };
            return;
          }
          const results = yield* callAll(tools, step.calls);
          said.push({ role: 'assistant', content: [...step.content] }, { role: 'tool', content: results });
        }
      } catch (error) {
        throw sdkFailure(error);
      }
    },
  };
}

async function* ask(
  model: LanguageModelV4,
  prompt: readonly LanguageModelV4Message[],
  tools: ModelTools,
  abortSignal: AbortSignal,
): AsyncGenerator<AnswerPart, Step, void> {
  const offered = Object.entries(tools).map(
    ([name, { description, schema }]): LanguageModelV4FunctionTool => ({
      type: 'function',
      name,
      description,
      inputSchema: schema,
    }),
  );
  const { stream } = await model.doStream({
    prompt: [...prompt],
    abortSignal,
    ...(offered.length === 0 ? {} : { tools: offered, toolChoice: { type: 'auto' } }),
  });
  return yield* readStep(stream);
}

async function* callAll(
  tools: ModelTools,
  calls: readonly LanguageModelV4ToolCall[],
): AsyncGenerator<AnswerPart, LanguageModelV4ToolResultPart[], void> {
  // All at once, told in the order in which they were called.
  const called = calls.map((call) => ({ call, result: callOne(tools, call) }));
  const results: LanguageModelV4ToolResultPart[] = [];
  for (const { call, result } of called) {
    const { toolCallId: id, toolName: name } = call;
    const { output, failed } = await result;
    yield { kind: 'tool-result', id, name, output, failed };
    const value = typeof output === 'string' ? output : JSON.stringify(output);
    results.push({
      type: 'tool-result',
      toolCallId: id,
      toolName: name,
      output: { type: failed ? 'error-text' : 'text', value },
    });
  }
  return results;
}

async function callOne(
  tools: ModelTools,
  { toolName, input }: LanguageModelV4ToolCall,
): Promise<{ readonly output: unknown; readonly failed: boolean }> {
  try {
    const tool = Object.hasOwn(tools, toolName) ? tools[toolName] : undefined;
    if (tool === undefined) throw new Error('There is no such tool.');
    return { output: await tool.call(input === '' ? {} : JSON.parse(input)), failed: false };
  } catch (error) {
    return { output: error instanceof Error ? error.message : String(error), failed: true };
  }
}

function promptOf(instructions: string, { messages }: ModelRequest): LanguageModelV4Message[] {
  const system = messages.flatMap(({ role, content }) => (role === 'system' ? [content] : []));
  return [
    { role: 'system', content: [instructions, ...system].join('\n\n') },
    ...messages.flatMap(({ role, content }): LanguageModelV4Message[] =>
      role === 'system' ? [] : [{ role, content: [{ type: 'text', text: content }] }],
    ),
  ];
}

function add(sum: { input?: number; output?: number }, { input, output }: ModelUsage): void {
  if (input !== undefined) sum.input = (sum.input ?? 0) + input;
  if (output !== undefined) sum.output = (sum.output ?? 0) + output;
}
