import { inject } from 'vitest';

/** The server under test. */
export interface Target {
  /** Without a slash at its end. */
  readonly url: string;
  /** An admin's key: some requirements are about other keys, which are made with it. */
  readonly key: string;
  /** A project in which commands may be run. */
  readonly project: string;
}

declare module 'vitest' {
  // What whoever starts the tests hands over.
  export interface ProvidedContext {
    readonly target: Target;
  }
}

export const target: Target = inject('target');
