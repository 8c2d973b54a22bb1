import type { AddressInfo, Server, Socket } from 'node:net';

/** A server of a test, on a port of its own that only this machine reaches. */
export interface Loopback {
  readonly port: number;
  /** `http://127.0.0.1:<port>`, without a slash at the end. */
  readonly url: string;
  /** Takes nobody any more, and breaks the connections that there are; resolves once all are gone. */
  close(): Promise<void>;
}

export async function listenOnLoopback(server: Server, host: string = '127.0.0.1'): Promise<Loopback> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${host}:${port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
