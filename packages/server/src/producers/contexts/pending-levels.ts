import type { PrivacyLevel } from './sync-message.ts';

/** The levels of messages that are being stored together. Disposed once the pages know them, or never will. */
export interface LevelScope extends Disposable {
  put(name: string, level: PrivacyLevel): void;
  /** The one that was put last, by this scope or another. */
  find(name: string): PrivacyLevel | undefined;
}

/**
 * Under which privacy levels contexts and tabs are told of by messages that are on their way into the log. A message
 * that names no level is under that of its context: also if the one that named it is of the same sync, or of another
 * that is not committed yet.
 */
export class PendingLevels {
  /** In the order in which they began. */
  readonly #scopes = new Set<Map<string, PrivacyLevel>>();

  begin(): LevelScope {
    const scopes = this.#scopes;
    const levels = new Map<string, PrivacyLevel>();
    scopes.add(levels);
    return {
      put: (name, level) => void levels.set(name, level),
      find: (name) =>
        [...scopes]
          .toReversed()
          .find((each) => each.has(name))
          ?.get(name),
      [Symbol.dispose]: () => void scopes.delete(levels),
    };
  }
}
