import { request as httpRequest } from 'node:http';
import type { TestServer } from './server.ts';
import { within } from './within.ts';

/** How a server answers a request to speak WebSocket: 101, or the status and body of its refusal. */
export interface UpgradeAnswer {
  readonly status: number;
  readonly text: string;
}

/** Asks for a WebSocket at a path, with no credential but what the path has, and hangs up. */
export function upgrade(server: TestServer, path: string): Promise<UpgradeAnswer> {
  const answer = new Promise<UpgradeAnswer>((resolve, reject) => {
    const outgoing = httpRequest({
      host: '127.0.0.1',
      port: server.port,
      path,
      headers: {
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': Buffer.alloc(16, 1).toString('base64'),
      },
      agent: false,
    });
    outgoing.on('upgrade', (_incoming, socket) => {
      socket.destroy();
      resolve({ status: 101, text: '' });
    });
    outgoing.on('response', (incoming) => {
      let text = '';
      incoming.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      incoming.on('end', () => resolve({ status: incoming.statusCode ?? 0, text }));
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
  return within(answer, `an answer to the upgrade at ${path}`);
}
