import { Worker } from 'node:worker_threads';
import { PlayheadError } from '@playhead/protocol';
import type { StreamKey } from '../../log/stream-key.ts';
import type { Hit, ReadUpTo, SearchIndex } from '../search.ts';
import type { FromIndex, IndexAnswer, IndexCall, IndexData } from './messages.ts';

/** The index on SQLite's FTS5, in a thread of its own. `file` undefined: in memory. */
export async function openSqliteSearch(file: string | undefined): Promise<SearchIndex> {
  const data: IndexData = { file };
  const worker = new Worker(new URL('./index-thread.ts', import.meta.url), {
    workerData: data,
    execArgv: [],
  });
  const waiting = new Map<number, PromiseWithResolvers<IndexAnswer>>();
  const ready = Promise.withResolvers<void>();
  let next = 0;
  let dead: PlayheadError | undefined;

  function die(error: PlayheadError): void {
    dead ??= error;
    ready.reject(dead);
    for (const { reject } of waiting.values()) reject(dead);
    waiting.clear();
  }
  worker.on('message', (message: FromIndex) => {
    if (message.kind === 'ready') {
      ready.resolve();
      return;
    }
    const call = waiting.get(message.id);
    waiting.delete(message.id);
    if (message.kind === 'answer') call?.resolve(message.answer);
    else
      call?.reject(
        new PlayheadError('internal', 'The search index failed.', { cause: new Error(message.reason) }),
      );
  });
  worker.on('error', (cause) => die(new PlayheadError('internal', 'The search index failed.', { cause })));
  worker.on('exit', () => die(new PlayheadError('draining', 'The search index is closed.')));

  function call(wanted: IndexCall): Promise<IndexAnswer> {
    if (dead !== undefined) return Promise.reject(dead);
    const id = next++;
    const answered = Promise.withResolvers<IndexAnswer>();
    waiting.set(id, answered);
    worker.postMessage({ ...wanted, id });
    return answered.promise;
  }

  await ready.promise;
  return {
    add: async (stream, read, documents) => void (await call({ op: 'add', stream, read, documents })),
    forget: async (stream) => void (await call({ op: 'forget', stream })),
    erase: async (stream, position) => void (await call({ op: 'erase', stream, position })),
    streams: async () =>
      new Map((await call({ op: 'streams' })) as readonly (readonly [StreamKey, ReadUpTo])[]),
    find: async (query) => (await call({ op: 'find', query })) as readonly Hit[],
    async [Symbol.asyncDispose]() {
      await worker.terminate();
    },
  };
}
