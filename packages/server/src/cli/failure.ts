import { EXIT } from './exit-code.ts';

/** Why a command cannot go on, for the person who called it: what is wrong, and what to do next. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exit: number;
  readonly hint: string | undefined;

  constructor(exit: number, message: string, hint?: string) {
    super(message);
    this.exit = exit;
    this.hint = hint;
  }
}

export function usageFailure(message: string, hint?: string): Failure {
  return new Failure(EXIT.usage, message, hint);
}
