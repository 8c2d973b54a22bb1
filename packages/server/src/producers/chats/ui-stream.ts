import { jsonLine } from '@playhead/protocol';
import type { AnswerEvent } from './events.ts';

/**
 * An answer in the UI message stream protocol of the AI SDK (`x-vercel-ai-ui-message-stream: v1`): the text of Server-Sent
 * Events, one call per event of the answer and one for the beginning. Text and reasoning are parts with a beginning and
 * an end; whatever else comes in between ends the part that is open.
 */
export interface UiStream {
  start(): string;
  event(event: AnswerEvent): string;
}

export const UI_HEADERS: Readonly<Record<string, string>> = { 'x-vercel-ai-ui-message-stream': 'v1' };

export function createUiStream(messageId: string): UiStream {
  let open: { readonly kind: 'text' | 'reasoning'; readonly id: string } | undefined;
  let parts = 0;

  function close(): string {
    if (open === undefined) return '';
    const { kind, id } = open;
    open = undefined;
    return chunk({ type: `${kind}-end`, id });
  }

  function delta(kind: 'text' | 'reasoning', text: string): string {
    let said = '';
    if (open?.kind !== kind) {
      said = close();
      open = { kind, id: `${kind}-${parts++}` };
      said += chunk({ type: `${kind}-start`, id: open.id });
    }
    return said + chunk({ type: `${kind}-delta`, id: open.id, delta: text });
  }

  return {
    start: () => chunk({ type: 'start', messageId }) + chunk({ type: 'start-step' }),
    event(event) {
      switch (event.type) {
        case 'text':
        case 'reasoning':
          return delta(event.type, event.text);
        case 'tool_call': {
          const { id: toolCallId, name: toolName, input } = event;
          return (
            close() + chunk({ type: 'tool-input-available', toolCallId, toolName, input, dynamic: true })
          );
        }
        case 'tool_result': {
          const { id: toolCallId, output, failed } = event;
          return (
            close() +
            chunk(
              failed
                ? { type: 'tool-output-error', toolCallId, errorText: textOf(output), dynamic: true }
                : { type: 'tool-output-available', toolCallId, output, dynamic: true },
            )
          );
        }
        case 'error':
          return close() + chunk({ type: 'error', errorText: event.message });
        case 'done': {
          const ended = event.ending === 'stopped' ? { type: 'abort' } : { type: 'finish' };
          return `${close()}${chunk({ type: 'finish-step' })}${chunk(ended)}data: [DONE]\n\n`;
        }
      }
    },
  };
}

function chunk(value: object): string {
  return `data: ${jsonLine(value)}\n\n`;
}

function textOf(output: unknown): string {
  return typeof output === 'string' ? output : JSON.stringify(output);
}
