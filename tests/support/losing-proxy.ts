import { createServer, type IncomingMessage, request as httpRequest, type ServerResponse } from 'node:http';
import { listenOnLoopback } from './loopback.ts';

/** A stretch of network that carries requests to a server and may lose its answers. */
export interface LosingProxy extends AsyncDisposable {
  /** `http://127.0.0.1:<port>` */
  readonly url: string;
  /** How many answers were lost. */
  readonly lost: number;
  /** Loses the answers to the next `count` requests of this method, after the server has given them. */
  lose(method: string, count: number): void;
}

/** In front of a port of this machine. */
export async function startLosingProxy(port: number): Promise<LosingProxy> {
  let method = '';
  let left = 0;
  let lost = 0;
  const forward = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const asked = httpRequest({
      host: '127.0.0.1',
      port,
      path: incoming.url,
      method: incoming.method,
      headers: incoming.headers,
      agent: false,
    });
    asked.on('error', () => outgoing.destroy());
    asked.on('response', (answer) => {
      if (incoming.method === method && left > 0) {
        left--;
        lost++;
        answer.resume();
        outgoing.destroy();
        return;
      }
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
      answer.on('error', () => outgoing.destroy());
    });
    incoming.pipe(asked);
    outgoing.on('close', () => asked.destroy());
  };
  const server = createServer(forward);
  const { url, close } = await listenOnLoopback(server);
  return {
    url,
    get lost() {
      return lost;
    },
    lose(name, count) {
      [method, left] = [name, count];
    },
    [Symbol.asyncDispose]: close,
  };
}
