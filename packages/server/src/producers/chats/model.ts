import type { Principal } from '../../access/principal.ts';

/**
 * What answers in a chat: a language model behind its provider's interface, or the assistant that comes with the
 * server. Implementations are in `models/` and `assistant/`.
 */
export interface Model {
  /** As it is shown, e.g. `gpt-5` or `playhead-assistant`. Never holds a secret. */
  readonly name: string;
  /**
   * The answer, piece by piece as it comes; the last part is `finish`. Rejects with `upstream-failed` (`reason`:
   * `unreachable`, `refused`, `garbage`, `cut`), `upstream-timeout` or `rate-limited` (`retry_after`, s). Once `signal`
   * is aborted nothing follows, and what it held is freed.
   */
  answer(request: ModelRequest): AsyncIterable<AnswerPart>;
}

export interface ModelRequest {
  /** Oldest first; the last is the user's. */
  readonly messages: readonly ModelMessage[];
  /** Who asks: tools see what this principal may see. */
  readonly principal: Principal;
  /** Whether this request allows commands to be run for it (D-19). */
  readonly runCommands: boolean;
  readonly signal: AbortSignal;
}

export interface ModelMessage {
  readonly role: 'user' | 'assistant' | 'system';
  readonly content: string;
}

export type AnswerPart =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'reasoning'; readonly text: string }
  | { readonly kind: 'tool-call'; readonly id: string; readonly name: string; readonly input: unknown }
  | {
      readonly kind: 'tool-result';
      readonly id: string;
      readonly name: string;
      readonly output: unknown;
      readonly failed: boolean;
    }
  | { readonly kind: 'finish'; readonly reason: string; readonly usage?: ModelUsage };

/** In tokens, where the provider says. */
export interface ModelUsage {
  readonly input?: number;
  readonly output?: number;
}
