import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findDurableStreamsServer } from './optional.ts';

/** A Durable Streams server that is not ours, in memory, on an ephemeral port of loopback. */
export interface DurableStreamsPeer extends AsyncDisposable {
  /** Under which its streams are: `http://127.0.0.1:<port>/v1/stream`. */
  readonly url: string;
}

interface PeerModule {
  readonly DurableStreamTestServer: new (options: {
    readonly host: string;
    readonly port: number;
    readonly longPollTimeout: number;
  }) => { start(): Promise<string>; stop(): Promise<void> };
}

export async function startDurableStreamsPeer(): Promise<DurableStreamsPeer> {
  const { path } = findDurableStreamsServer();
  const { DurableStreamTestServer } = (await import(
    pathToFileURL(join(path, 'dist/index.js')).href
  )) as PeerModule;
  const server = new DurableStreamTestServer({ host: '127.0.0.1', port: 0, longPollTimeout: 500 });
  const url = await server.start();
  return { url: `${url}/v1/stream`, [Symbol.asyncDispose]: () => server.stop() };
}
