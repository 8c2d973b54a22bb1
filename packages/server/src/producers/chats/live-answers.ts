import { PlayheadError } from '@playhead/protocol';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Session } from '../../sessions/session.ts';

/** An answer that is being given. */
export interface LiveAnswer {
  readonly id: string;
  readonly chat: string;
  readonly key: StreamKey;
  readonly session: Session;
  /** It goes on, whoever leaves. Until then it is stopped when its last reader leaves, on whichever transport (D-13). */
  detach(): void;
  /** Its end is being written: the chat's place will be free in a moment, and whoever wants it waits for that. */
  finishing(): void;
}

/** The answers of this process: one at a time per chat. */
export interface LiveAnswers {
  /**
   * Takes the chat's place; throws `conflict` while it is taken, `overloaded` when all places are. Whoever has seen the
   * end of an answer can ask again at once: an end that is still being recorded is waited for.
   */
  claim(chat: StreamKey): Promise<Claim>;
  get(chat: StreamKey): LiveAnswer | undefined;
  /** Resolves when no answer is being given. */
  idle(): Promise<void>;
}

/** A place that was taken. Disposing it gives it back; so does the end of the session that it was given. */
export interface Claim extends Disposable {
  hold(answer: About): LiveAnswer;
}

export function createLiveAnswers(maxRunning: number, watched: Watched): LiveAnswers {
  // Undefined: claimed, and not begun yet.
  const live = new Map<StreamKey, LiveAnswer | undefined>();
  const ending = new Map<StreamKey, Promise<unknown>>();
  let waiting: (() => void)[] = [];

  function release(chat: StreamKey): void {
    live.delete(chat);
    ending.delete(chat);
    if (live.size > 0) return;
    for (const resolve of waiting) resolve();
    waiting = [];
  }

  return {
    async claim(chat) {
      await ending.get(chat);
      if (live.has(chat)) {
        throw new PlayheadError(
          'conflict',
          'This chat is being answered. Stop the answer, or wait for its end.',
        );
      }
      if (live.size >= maxRunning) {
        throw new PlayheadError(
          'overloaded',
          `${maxRunning} answers are being given already. Try again later.`,
        );
      }
      live.set(chat, undefined);
      let held = false;
      return {
        hold(about) {
          held = true;
          const answer = liveAnswer(about, watched, () => ending.set(chat, about.session.ended));
          live.set(chat, answer);
          void about.session.ended.then(() => release(chat));
          return answer;
        },
        [Symbol.dispose]() {
          if (!held) release(chat);
        },
      };
    },
    get: (chat) => live.get(chat),
    idle: () => (live.size === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}

function liveAnswer(about: About, watched: Watched, finishing: () => void): LiveAnswer {
  let detached = false;
  // Told when something of it has changed: if nobody reads then, somebody has left.
  const watching = watched(about.key, (viewers) => {
    if (viewers === 0 && !detached) about.session.stop({ kind: 'stopped', by: 'readers' });
  });
  void about.session.ended.then(() => watching[Symbol.dispose]());
  return {
    ...about,
    finishing,
    detach() {
      detached = true;
    },
  };
}

type About = Pick<LiveAnswer, 'id' | 'chat' | 'key' | 'session'>;

/** Tells how many readers a stream has, whenever that changes. */
type Watched = (key: StreamKey, changed: (viewers: number) => void) => Disposable;
