import { connect, createServer, type Socket } from 'node:net';
import { createHeard } from './heard.ts';
import { listenOnLoopback } from './loopback.ts';

/** A stretch of network between a client and the server, which a test can break. */
export interface CuttingProxy extends AsyncDisposable {
  readonly url: string;
  /** Breaks every connection at once, as a network does: no last chunk, no goodbye. */
  cut(): void;
  /** The Last-Event-ID of the n-th request (from 1) that carried one; waits for it. */
  resumed(n: number): Promise<string>;
}

/** Forwards bytes, unchanged, to a port of this machine. */
export async function startCuttingProxy(port: number): Promise<CuttingProxy> {
  const sockets = new Set<Socket>();
  const resumptions: string[] = [];
  const heard = createHeard(() => resumptions.join('\n'));
  const keep = (socket: Socket): void => {
    sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    keep(client);
    keep(upstream);
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    client.on('data', (bytes) => {
      // The head of a small GET comes in one piece on loopback.
      const found = /^last-event-id: *(\S+)/im.exec(bytes.toString('latin1'));
      if (found === null) return;
      resumptions.push(found[1] ?? '');
      heard.came();
    });
    client.pipe(upstream);
    upstream.pipe(client);
  });
  const { url, close } = await listenOnLoopback(server);
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    url,
    cut,
    resumed: (n) => heard.when(() => resumptions[n - 1], `reconnection ${n} with a Last-Event-ID`),
    [Symbol.asyncDispose]: close,
  };
}
