import type { StreamKey } from '../log/stream-key.ts';
import type { Session } from './session.ts';

/**
 * The sessions that run, by their stream. One node owns them all for now: whoever asks here asks the owner.
 */
export interface Directory {
  add(session: Session): void;
  remove(key: StreamKey): void;
  get(key: StreamKey): Session | undefined;
  /** Those that run, oldest first. */
  running(kind?: string): readonly Session[];
}

export function createDirectory(): Directory {
  const sessions = new Map<StreamKey, Session>();
  return {
    add(session) {
      sessions.set(session.key, session);
    },
    remove(key) {
      sessions.delete(key);
    },
    get(key) {
      return sessions.get(key);
    },
    running(kind) {
      const all = [...sessions.values()];
      return kind === undefined ? all : all.filter((session) => session.kind === kind);
    },
  };
}
