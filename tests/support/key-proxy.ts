import { Agent, createServer, request as httpRequest } from 'node:http';
import { listenOnLoopback } from './loopback.ts';
import { type ServerOptions, startServer, type TestServer } from './server.ts';

/** A server behind a proxy that adds the admin key to every request: for suites that know of no keys (D-35). */
export interface KeyProxy extends AsyncDisposable {
  /** Without a slash at the end. */
  readonly url: string;
  readonly server: TestServer;
}

/** The Host header is handed on as it is, so that URLs in answers lead through the proxy. */
export async function startBehindKeyProxy(options: ServerOptions = {}): Promise<KeyProxy> {
  const server = await startServer(options);
  const agent = new Agent({ keepAlive: true });
  const proxy = createServer((incoming, outgoing) => {
    const { method, url: path, headers } = incoming;
    let answered = false;
    const forwarded = httpRequest(
      {
        ...{ host: '127.0.0.1', port: server.port, agent, method, path },
        headers: { ...headers, 'x-api-key': server.key },
      },
      (answer) => {
        answered = true;
        outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        outgoing.flushHeaders();
        answer.pipe(outgoing);
        answer.on('error', () => outgoing.destroy());
      },
    );
    // A body may be refused before it has all come: the answer counts then, and the rest is read and thrown away.
    forwarded.on('error', () => {
      incoming.unpipe(forwarded);
      incoming.resume();
      if (!answered) outgoing.destroy();
    });
    outgoing.on('close', () => forwarded.destroy());
    incoming.pipe(forwarded);
  });
  const { url, close } = await listenOnLoopback(proxy);
  return {
    url,
    server,
    async [Symbol.asyncDispose]() {
      await close();
      agent.destroy();
      await server.stop();
    },
  };
}
