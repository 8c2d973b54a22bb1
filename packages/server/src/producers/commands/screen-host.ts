import { Worker } from 'node:worker_threads';
import { PlayheadError } from '@playhead/protocol';
import type { TerminalSize } from '../../launcher/launcher.ts';
import type { EmulatedScreen } from './emulator.ts';
import type { FromScreens, ToScreens } from './screen-messages.ts';

/** The emulators' thread, from the server's side. It exists while it has emulators. */
export interface ScreenHost {
  /** Feeds an emulator, and makes it if need be. Rejects if the thread fails: then all emulators are gone. */
  feed(id: number, steps: readonly (Uint8Array | TerminalSize)[]): Promise<void>;
  snapshot(id: number): Promise<EmulatedScreen>;
  drop(id: number): void;
  /** Ends the thread; what is being asked rejects. */
  stop(): void;
}

type Ask =
  | { kind: 'feed'; id: number; steps: readonly (Uint8Array | TerminalSize)[] }
  | { kind: 'snapshot'; id: number };

/** A screen full of colours takes 24 MB at the largest size; the thread ends with an error before it takes more. */
const HEAP_MB = 256;

/** `lost` is called when the thread has failed, with all its emulators. */
export function createScreenHost(lost: (error: Error) => void): ScreenHost {
  const alive = new Set<number>();
  const waiting = new Map<number, { resolve(answer: FromScreens): void; reject(error: Error): void }>();
  let worker: Worker | undefined;
  let asked = 0;

  function thread(): Worker {
    if (worker !== undefined) return worker;
    const started = new Worker(new URL('./screen-thread.ts', import.meta.url), {
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    // It must not keep a server alive that has nothing else to do.
    started.unref();
    started.on('message', (message: FromScreens) => {
      waiting.get(message.ask)?.resolve(message);
      waiting.delete(message.ask);
    });
    started.on('error', (cause) => {
      if (worker !== started) return;
      fail(new PlayheadError('internal', 'The screen could not be drawn.', { cause }));
      lost(cause instanceof Error ? cause : new Error(String(cause)));
    });
    worker = started;
    return started;
  }

  function fail(error: Error): void {
    worker = undefined;
    alive.clear();
    for (const asked of waiting.values()) asked.reject(error);
    waiting.clear();
  }

  function ask(question: Ask): Promise<FromScreens> {
    const { promise, resolve, reject } = Promise.withResolvers<FromScreens>();
    const number = ++asked;
    waiting.set(number, { resolve, reject });
    alive.add(question.id);
    post({ ...question, ask: number });
    return promise;
  }

  function post(message: ToScreens): void {
    thread().postMessage(message);
  }

  function stop(): void {
    const stopped = worker;
    fail(new PlayheadError('draining', 'The server is going away. Try again.'));
    void stopped?.terminate();
  }

  return {
    async feed(id, steps) {
      await ask({ kind: 'feed', id, steps });
    },
    async snapshot(id) {
      const answer = await ask({ kind: 'snapshot', id });
      if (answer.kind === 'snapshot') return answer.screen;
      throw new PlayheadError('internal', 'The screen could not be drawn.');
    },
    drop(id) {
      if (!alive.delete(id)) return;
      if (alive.size === 0 && waiting.size === 0) stop();
      else post({ kind: 'drop', id });
    },
    stop,
  };
}
