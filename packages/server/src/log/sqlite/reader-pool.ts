import { Worker } from 'node:worker_threads';
import { PlayheadError } from '@playhead/protocol';
import type { FromReader, ReaderCall, ToReader } from './messages.ts';

interface Waiting {
  readonly resolve: (answer: FromReader) => void;
  readonly reject: (error: Error) => void;
}

/** The threads that read. A call goes to the one with the fewest calls waiting. */
export class ReaderPool implements AsyncDisposable {
  readonly #readers: {
    readonly worker: Worker;
    readonly waiting: Map<number, Waiting>;
    dead: Error | undefined;
  }[] = [];
  #next = 0;

  constructor(folder: string, threads: number) {
    for (let index = 0; index < threads; index++) {
      const worker = new Worker(new URL('./reader.ts', import.meta.url), {
        workerData: { folder },
        execArgv: [],
      });
      const reader = { worker, waiting: new Map<number, Waiting>(), dead: undefined as Error | undefined };
      const die = (error: Error): void => {
        reader.dead = error;
        for (const { reject } of reader.waiting.values()) reject(error);
        reader.waiting.clear();
      };
      worker.on('message', (answer: FromReader) => {
        const call = reader.waiting.get(answer.id);
        reader.waiting.delete(answer.id);
        if (answer.kind === 'failed')
          call?.reject(new PlayheadError('internal', 'The log cannot be read.', { cause: answer.reason }));
        else call?.resolve(answer);
      });
      worker.on('error', (cause) =>
        die(new PlayheadError('internal', 'The reader of the log has failed.', { cause })),
      );
      worker.on('exit', () => die(new PlayheadError('draining', 'The log is closed.')));
      this.#readers.push(reader);
    }
  }

  call(call: ReaderCall): Promise<FromReader> {
    let best = this.#readers[0];
    for (const reader of this.#readers) {
      if (
        best?.dead !== undefined ||
        (reader.dead === undefined && reader.waiting.size < (best?.waiting.size ?? 0))
      )
        best = reader;
    }
    if (best === undefined || best.dead !== undefined) {
      return Promise.reject(best?.dead ?? new PlayheadError('internal', 'The log has no reader.'));
    }
    const { worker, waiting } = best;
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      waiting.set(id, { resolve, reject });
      const message: ToReader = { ...call, id };
      worker.postMessage(message);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#readers.map(({ worker }) => worker.terminate()));
  }
}
