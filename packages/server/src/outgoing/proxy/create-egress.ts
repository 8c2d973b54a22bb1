import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Egress } from '../egress.ts';
import type { OutgoingGuard } from '../outgoing.ts';
import { answerTrouble, answerUnknown, writeTrouble, writeUnknown } from './answers.ts';
import { forward, tunnel, upgrade } from './forward.ts';
import { Pass, type PassParts } from './pass.ts';

export interface EgressParts {
  readonly guard: OutgoingGuard;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How long a connection to a host may take to be made, ms. */
  readonly connectMs: number;
  /** Connections of one browser at once. */
  readonly connections: number;
  /** Certificates that are believed of proxies over TLS, in place of the usual ones: PEM. */
  readonly ca?: string;
}

/** Heads of requests up to so many bytes: browsers send more than Node takes. */
const HEAD_BYTES = 64 * 1024;

/** Connections of all browsers at once, those of strangers on this machine included. */
const CLIENTS = 8192;

/** Makes the browsers' way into the network. See egress.ts for what it promises. Listens once it is needed. */
export function createEgress(parts: EgressParts): Egress {
  const passes = new Map<string, Pass>();
  const clients = new Set<Socket>();
  let listening: Promise<string> | undefined;
  let server: Server | undefined;

  const shared: PassParts = {
    guard: parts.guard,
    clock: parts.clock,
    connectMs: parts.connectMs,
    connections: parts.connections,
    ...(parts.ca === undefined ? {} : { ca: parts.ca }),
    closed: (pass) => passes.delete(pass.credentials.username),
  };

  function passOf({ headers }: IncomingMessage): Pass | undefined {
    const encoded = /^Basic ([A-Za-z0-9+/=]{1,512})$/i.exec(headers['proxy-authorization'] ?? '')?.[1];
    if (encoded === undefined) return undefined;
    const [, name = '', password = ''] =
      /^([^:]*):(.*)$/s.exec(Buffer.from(encoded, 'base64').toString()) ?? [];
    const pass = passes.get(name);
    return pass?.admits(password) === true ? pass : undefined;
  }

  function failed(error: unknown): void {
    parts.logger.error({ err: error }, 'a request of a browser failed');
  }

  /** What is raw from here on: a tunnel, or an upgrade. */
  function handOver(how: typeof tunnel) {
    return (request: IncomingMessage, socket: Duplex, head: Buffer): void => {
      const client = socket as Socket;
      // Node listens no more; what is not heard would end the process.
      client.on('error', () => {});
      client.setNoDelay(true);
      const pass = passOf(request);
      if (pass === undefined) {
        writeUnknown(client);
        return;
      }
      how(pass, request, client, head).catch((error: unknown) => {
        failed(error);
        writeTrouble(client, { kind: 'unreachable' });
      });
    };
  }

  function listen(): Promise<string> {
    const made = createServer({ maxHeaderSize: HEAD_BYTES, requestTimeout: 0, keepAliveTimeout: 60_000 });
    server = made;
    made.maxConnections = CLIENTS;
    made.on('connection', (client) => {
      clients.add(client);
      client.on('close', () => clients.delete(client));
    });
    made.on('connect', handOver(tunnel));
    made.on('upgrade', handOver(upgrade));
    made.on('request', (request, response) => {
      const pass = passOf(request);
      if (pass === undefined) {
        answerUnknown(response);
        return;
      }
      forward(pass, request, response).catch((error: unknown) => {
        failed(error);
        answerTrouble(response, { kind: 'unreachable' });
      });
    });
    return new Promise((resolve, reject) => {
      made.once('error', reject);
      made.listen(0, '127.0.0.1', () => {
        made.off('error', reject).on('error', failed);
        const address = made.address();
        resolve(`http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`);
      });
    });
  }

  return {
    async open(options) {
      listening ??= listen().catch((error: unknown) => {
        listening = undefined;
        throw error;
      });
      const pass = new Pass(await listening, options, shared);
      passes.set(pass.credentials.username, pass);
      return pass;
    },
    async [Symbol.asyncDispose]() {
      for (const pass of passes.values()) pass[Symbol.dispose]();
      const closed = new Promise<void>((resolve) => {
        if (server === undefined) resolve();
        else server.close(() => resolve());
      });
      for (const client of clients) client.destroy();
      await closed;
    },
  };
}
