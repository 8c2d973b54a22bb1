import { randomBytes, randomUUID } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

/**
 * The clients of the contexts' socket, as a process of its own: thousands of sockets on bare TCP, of whose frames no more
 * is read than is needed. Prints one JSON object.
 *
 *     fan      connections of half as many users hear what everybody is told; ms from the request to the last of them
 *     updates  each user has a device that syncs and one that listens; ms from the sync to the state-update, once the
 *              server has had the same load for `warm` seconds
 *     close    connections of one user break at once; ms until the server knows of none
 */
const { values } = parseArgs({
  options: {
    mode: { type: 'string' },
    port: { type: 'string' },
    key: { type: 'string', default: '' },
    connections: { type: 'string', default: '10000' },
    users: { type: 'string', default: '500' },
    rate: { type: 'string', default: '2000' },
    seconds: { type: 'string', default: '10' },
    warm: { type: 'string', default: '8' },
    rounds: { type: 'string', default: '10' },
  },
});
const port = Number(values.port);
const { key } = values;

/** One client. Server frames are never masked; what it says to the client is short or of middle length. */
class Client {
  heard: (text: string) => void = () => undefined;
  readonly socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  #open = false;
  readonly opened: Promise<void>;

  constructor() {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.opened = new Promise((resolve, reject) => {
      this.socket.on('error', reject);
      this.socket.on('data', (piece: Buffer) => {
        this.#rest = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece]);
        if (!this.#open) {
          const end = this.#rest.indexOf('\r\n\r\n');
          if (end === -1) return;
          if (!this.#rest.subarray(0, 12).equals(Buffer.from('HTTP/1.1 101'))) {
            reject(new Error(this.#rest.toString().slice(0, 300)));
            return;
          }
          this.#open = true;
          this.#rest = this.#rest.subarray(end + 4);
          resolve();
        }
        this.#take();
      });
    });
    this.socket.write(
      `GET /ws HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
        `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
    );
  }

  send(message: object): void {
    const body = Buffer.from(JSON.stringify(message));
    const head =
      body.length < 126
        ? Buffer.from([0x81, 0x80 | body.length])
        : Buffer.from([0x81, 0xfe, body.length >> 8, body.length & 255]);
    // A mask of zeros is a mask.
    this.socket.write(Buffer.concat([head, Buffer.alloc(4), body]));
  }

  /** Sends and waits for the first message that says so. */
  ask(message: object, answered: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.heard = (text) => {
        if (text.includes(answered)) resolve();
        else if (text.includes('"type":"error"')) reject(new Error(text));
      };
      this.send(message);
    });
  }

  #take(): void {
    for (;;) {
      const bytes = this.#rest;
      if (bytes.length < 2) return;
      const opcode = (bytes[0] ?? 0) & 15;
      let length = (bytes[1] ?? 0) & 127;
      let at = 2;
      if (length === 126) {
        if (bytes.length < 4) return;
        length = bytes.readUInt16BE(2);
        at = 4;
      }
      if (bytes.length < at + length) return;
      this.#rest = bytes.subarray(at + length);
      if (opcode === 1) this.heard(bytes.toString('utf8', at, at + length));
      else if (opcode === 9) this.socket.write(Buffer.from([0x8a, 0x80, 0, 0, 0, 0]));
    }
  }
}

async function openAll(
  count: number,
  userOf: (i: number) => string,
  ...channels: string[]
): Promise<Client[]> {
  const clients: Client[] = [];
  const AT_ONCE = 100;
  for (let i = 0; i < count; i += AT_ONCE) {
    const some = Array.from(
      { length: Math.min(AT_ONCE, count - i) },
      (_, j) => [new Client(), userOf(i + j)] as const,
    );
    await Promise.all(
      some.map(async ([client, userId]) => {
        await client.opened;
        await client.ask({ type: 'auth', token: key, userId, requestId: 'a' }, 'auth_response');
        if (channels.length > 0)
          await client.ask({ type: 'subscribe', channels, requestId: 's' }, 'subscription-confirmed');
        client.heard = () => undefined;
        clients.push(client);
      }),
    );
  }
  return clients;
}

async function api(method: string, path: string, body?: object): Promise<unknown> {
  const answer = await fetch(`http://127.0.0.1:${port}/api/v1${path}`, {
    method,
    headers: { 'x-api-key': key, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}

function quantiles(times: number[]): object {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return { p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0, count: sorted.length };
}

async function fan(): Promise<object> {
  const count = Number(values.connections);
  const clients = await openAll(count, (i) => `u${i % (count / 2)}`);
  const times: number[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    let missing = count;
    const { promise, resolve } = Promise.withResolvers<void>();
    for (const client of clients) {
      client.heard = (text) => {
        if (text.includes('global-events') && --missing === 0) resolve();
      };
    }
    const began = performance.now();
    await api('POST', '/channels/global-events/events', {
      event: { payload: { kind: 'maintenance', data: {} } },
    });
    await promise;
    times.push(performance.now() - began);
    await delay(200);
  }
  return quantiles(times);
}

async function updates(): Promise<object> {
  const count = Number(values.users);
  const senders = await openAll(count, (i) => `u${i}`);
  const listeners = await openAll(count, (i) => `u${i}`, 'user-contexts');
  const times: number[] = [];
  const content = 'words of a page that somebody reads '.repeat(10);
  let heard = 0;
  let counted = Number.POSITIVE_INFINITY;
  for (const client of listeners) {
    client.heard = (text) => {
      const found = /"sentAt":([0-9.]+)/.exec(text);
      if (found === null) return;
      heard++;
      const at = Number(found[1]);
      if (at >= counted) times.push(performance.now() - at);
    };
  }
  const total = Number(values.rate) * (Number(values.warm) + Number(values.seconds));
  const began = performance.now();
  counted = began + Number(values.warm) * 1_000;
  let sent = 0;
  while (sent < total) {
    const due = Math.min(total, Math.floor(((performance.now() - began) * Number(values.rate)) / 1_000));
    for (; sent < due; sent++) {
      const context = {
        id: `c${sent % 7}`,
        type: 'page',
        privacyLevel: 'public',
        tabId: sent % 5,
        url: 'https://example.com/',
        title: 'A page',
        content,
        sentAt: performance.now(),
      };
      const message = {
        id: randomUUID(),
        type: 'update',
        extensionId: 'e',
        payload: { type: 'context', operation: 'update', context },
      };
      senders[sent % count]?.send({ type: 'sync', requestId: 'r', message });
    }
    await delay(1);
  }
  const sending = (performance.now() - began) / 1_000;
  for (const end = performance.now() + 30_000; heard < total && performance.now() < end; ) await delay(5);
  const seconds = (performance.now() - began) / 1_000;
  // What is indexed is found: the answer waits for the index, or says that it is behind.
  const asked = performance.now();
  for (;;) {
    const page = (await api('GET', '/context/history?userId=u0&limit=1')) as { indexing?: boolean };
    if (page.indexing !== true) break;
  }
  return {
    ...{ latency: quantiles(times), sent, heard, rate: heard / seconds, sending_seconds: sending },
    index_behind_ms: performance.now() - asked,
  };
}

async function close(): Promise<object> {
  const count = Number(values.connections);
  const clients = await openAll(count, () => 'closing', 'user-contexts', 'tab-events');
  const began = performance.now();
  for (const { socket } of clients) socket.destroy();
  for (;;) {
    const { connections } = (await api('GET', '/presence?userId=closing')) as { connections: unknown[] };
    if (connections.length === 0) break;
  }
  return { ms: performance.now() - began, connections: count };
}

const MODES: Readonly<Record<string, () => Promise<object>>> = { fan, updates, close };
const run = MODES[values.mode ?? ''];
if (run === undefined || !(port > 0)) throw new Error('--mode fan|updates|close --port');
process.stdout.write(`${JSON.stringify(await run())}\n`);
process.exit(0);
