import { PlayheadError } from '@playhead/protocol';
import type { Model, ModelRequest } from '../model.ts';
import type { ModelTools } from '../model-tool.ts';
import { openProvider } from './provider.ts';

export interface ModelSettings {
  readonly chatProvider: 'auto' | 'openai-compatible' | 'openai' | 'anthropic' | 'google' | 'assistant';
  readonly chatBaseUrl: string | undefined;
  readonly chatModel: string | undefined;
  readonly chatApiKey: string | undefined;
}

/** The model that the settings name; undefined for the assistant that comes with the server. */
export async function openModel(
  settings: ModelSettings,
  tools: (request: ModelRequest) => ModelTools,
): Promise<Model | undefined> {
  const { chatBaseUrl: baseUrl, chatModel: model, chatApiKey: apiKey } = settings;
  const provider =
    settings.chatProvider !== 'auto'
      ? settings.chatProvider
      : baseUrl === undefined
        ? 'assistant'
        : 'openai-compatible';
  if (provider === 'assistant') return undefined;
  if (model === undefined) throw wrong('PLAYHEAD_CHAT_MODEL', 'names the model that answers in chats');
  if (provider === 'openai-compatible' && baseUrl === undefined) {
    throw wrong('PLAYHEAD_CHAT_BASE_URL', 'says where the model is, such as http://127.0.0.1:11434/v1');
  }
  if (provider !== 'openai-compatible' && apiKey === undefined) {
    throw wrong('PLAYHEAD_CHAT_API_KEY', `is the key of ${provider}`);
  }
  return openProvider({ provider, model, apiKey, baseUrl }, tools);
}

function wrong(setting: string, meaning: string): PlayheadError {
  return new PlayheadError('invalid-request', `${setting} is missing: it ${meaning}.`);
}
