import { PlayheadError } from '@playhead/protocol';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Session } from '../../sessions/session.ts';

/** An answer that is being given. */
export interface LiveAnswer {
  readonly id: string;
  readonly chat: string;
  readonly key: StreamKey;
  readonly session: Session;
  /**
   * Somebody reads. Disposing it leaves; when the last one has left, an answer that is not detached is stopped: its
   * only readers were those who asked for it on the documented call (D-13).
   */
  read(): Disposable;
  /** It goes on, whoever leaves. */
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
  hold(answer: Pick<LiveAnswer, 'id' | 'chat' | 'key' | 'session'>): LiveAnswer;
}

export function createLiveAnswers(maxRunning: number): LiveAnswers {
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
          const answer = liveAnswer(about, () => ending.set(chat, about.session.ended));
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

function liveAnswer(
  about: Pick<LiveAnswer, 'id' | 'chat' | 'key' | 'session'>,
  finishing: () => void,
): LiveAnswer {
  let readers = 0;
  let detached = false;
  return {
    ...about,
    finishing,
    read() {
      readers++;
      let left = false;
      return {
        [Symbol.dispose]() {
          if (left) return;
          left = true;
          readers--;
          if (readers === 0 && !detached) about.session.stop({ kind: 'stopped', by: 'readers' });
        },
      };
    },
    detach() {
      detached = true;
    },
  };
}
