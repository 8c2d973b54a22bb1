import { once } from 'node:events';
import http, { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import https from 'node:https';
import {
  type AddressInfo,
  connect,
  createServer as createTcp,
  type Server as TcpServer,
  type Socket,
} from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../runtime/clock.ts';
import { networkList } from '../../runtime/network-list.ts';
import { createGuard, type GuardParts } from '../create-guard.ts';
import type { Egress, EgressOptions, EgressPass, EgressRefusal } from '../egress.ts';
import { createEgress, type EgressParts } from './create-egress.ts';
import { CERTIFICATE } from '../certificate.fixture.ts';

const silent = { debug() {}, info() {}, warn() {}, error() {} };

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});

interface World extends Partial<Omit<GuardParts, 'allowed'>> {
  readonly allowed?: readonly string[];
  readonly parts?: Partial<EgressParts>;
}

/** A way out in a world where every name is this machine, unless `resolve` says otherwise. */
function egressIn({ allowed = [], parts = {}, ...world }: World = {}): Egress {
  const guard = createGuard({
    clock: systemClock,
    allowPrivate: false,
    allowed: networkList(allowed),
    resolveMs: 5000,
    resolve: () => Promise.resolve(['127.0.0.1']),
    ...world,
  });
  const egress = createEgress({
    guard,
    clock: systemClock,
    logger: silent,
    connectMs: 10_000,
    connections: 100,
    ...parts,
  });
  cleanups.push(() => egress[Symbol.asyncDispose]());
  return egress;
}

async function opened(egress: Egress, options: EgressOptions = {}): Promise<EgressPass> {
  return egress.open(options);
}

async function listening<S extends Server | TcpServer>(server: S): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  cleanups.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

interface Seen {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A site that says what it was asked. */
async function site(seen: Seen[] = []): Promise<number> {
  return listening(
    createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (piece: string) => (body += piece));
      request.on('end', () => {
        seen.push({ method: request.method, url: request.url, headers: request.headers, body });
        response.writeHead(200, { 'x-site': 'yes', connection: 'keep-alive, x-hop', 'x-hop': '1' });
        response.end(request.method === 'HEAD' ? '' : `hello ${body}`);
      });
    }),
  );
}

interface Got {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

function authorization({ credentials }: EgressPass): string {
  return `Basic ${Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64')}`;
}

async function read(response: http.IncomingMessage): Promise<Got> {
  let body = '';
  for await (const piece of response.setEncoding('utf8')) body += String(piece);
  return { status: response.statusCode, headers: response.headers, body };
}

/** A request as browsers send it to a proxy. */
async function ask(
  pass: EgressPass,
  url: string,
  more: { method?: string; headers?: http.OutgoingHttpHeaders; body?: string; login?: string | null } = {},
): Promise<Got> {
  const login = more.login === undefined ? authorization(pass) : more.login;
  const request = http.request(pass.server, {
    method: more.method ?? 'GET',
    path: url,
    agent: false,
    headers: { ...more.headers, ...(login === null ? {} : { 'proxy-authorization': login }) },
  });
  request.end(more.body);
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  return read(response);
}

/** A tunnel, or what was said instead. */
async function tunnelTo(
  pass: EgressPass,
  authority: string,
  login: string | null = authorization(pass),
): Promise<Socket | Got> {
  const request = http.request(pass.server, {
    method: 'CONNECT',
    path: authority,
    agent: false,
    headers: login === null ? {} : { 'proxy-authorization': login },
  });
  request.end();
  return new Promise((resolve, reject) => {
    request.on('error', reject);
    request.on('connect', (response, socket: Socket, head: Buffer) => {
      socket.on('error', () => {});
      cleanups.push(() => socket.destroy());
      if (response.statusCode === 200) resolve(socket);
      else resolve({ status: response.statusCode, headers: response.headers, body: head.toString() });
    });
  });
}

/** A request through a tunnel. */
async function askThrough(pass: EgressPass, authority: string, path = '/'): Promise<Got> {
  const socket = await tunnelTo(pass, authority);
  if (!('write' in socket)) return socket;
  const request = http.request({ createConnection: () => socket, path, headers: { host: authority } });
  request.end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  return read(response);
}

describe('the way of a browser', () => {
  test('D-22 requests and tunnels reach what is allowed, under the name that was asked for', async () => {
    const seen: Seen[] = [];
    const port = await site(seen);
    const pass = await opened(egressIn({ allowed: ['site.example'] }));
    const got = await ask(pass, `http://site.example:${port}/a?b=1`, {
      method: 'POST',
      body: 'körper',
      headers: { 'x-own': '1', 'proxy-connection': 'keep-alive', connection: 'x-private', 'x-private': '2' },
    });
    expect(got).toMatchObject({ status: 200, body: 'hello körper', headers: { 'x-site': 'yes' } });
    expect(got.headers).not.toHaveProperty('x-hop');
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/a?b=1', body: 'körper' });
    expect(seen[0]?.headers).toMatchObject({ host: `site.example:${port}`, 'x-own': '1' });
    for (const name of ['proxy-authorization', 'proxy-connection', 'x-private'])
      expect(seen[0]?.headers).not.toHaveProperty(name);
    expect(await ask(pass, `http://site.example:${port}`, { method: 'HEAD' })).toMatchObject({
      status: 200,
      body: '',
    });
    expect(seen[1]).toMatchObject({ method: 'HEAD', url: '/' });
    expect(await ask(pass, `http://site.example:${port}?q`, { method: 'POST' })).toMatchObject({
      body: 'hello ',
    });
    expect(seen[2]).toMatchObject({ url: '/?q', headers: { 'content-length': '0' } });
    expect(await askThrough(pass, `site.example:${port}`, '/t')).toMatchObject({
      status: 200,
      body: 'hello ',
    });
    expect(seen[3]).toMatchObject({ url: '/t' });
    expect(pass.traffic).toMatchObject({ connections: 4, refused: 0 });
    expect(pass.traffic.received).toBeGreaterThan(400);
    expect(pass.traffic.sent).toBeGreaterThan(200);
  });

  test('D-22 without its credential nobody gets through, and another browser only by its own rules', async () => {
    const seen: Seen[] = [];
    const port = await site(seen);
    const egress = egressIn();
    const mine = await opened(egress, { networks: [`127.0.0.1:${port}`] });
    const other = await opened(egress);
    const url = `http://127.0.0.1:${port}/`;
    for (const login of [
      null,
      'Basic',
      'Basic !!',
      'Bearer x',
      `Basic ${btoa(`${mine.credentials.username}:x`)}`,
      `Basic ${btoa(':')}`,
    ]) {
      expect(await ask(mine, url, { login })).toMatchObject({
        status: 407,
        headers: { 'proxy-authenticate': 'Basic realm="Playhead"' },
      });
      expect(await tunnelTo(mine, `127.0.0.1:${port}`, login)).toMatchObject({ status: 407 });
    }
    expect(await ask(mine, url, { login: authorization(other) })).toMatchObject({ status: 403 });
    expect(seen).toEqual([]);
    expect(await ask(mine, url)).toMatchObject({ status: 200 });
    mine[Symbol.dispose]();
    expect(await ask(mine, url)).toMatchObject({ status: 407 });
  });

  test('D-22 what may not be reached is refused, and its owner is told the host', async () => {
    const refused: EgressRefusal[] = [];
    const names: Record<string, string> = { 'inside.example': '10.0.0.1', 'meta.example': '169.254.169.254' };
    const pass = await opened(
      egressIn({
        resolve: (host) =>
          names[host] === undefined ? Promise.reject(new Error('none')) : Promise.resolve([names[host]]),
      }),
      { refused: (refusal) => refused.push(refusal) },
    );
    for (const [host, told] of [
      ['0x7f.1', '127.0.0.1'],
      ['[::ffff:7f00:1]', '::ffff:7f00:1'],
      ['inside.example', 'inside.example'],
      ['META.example.', 'meta.example'],
    ] as const) {
      refused.length = 0;
      const answer = await ask(pass, `http://${host}:8080/secret?key=secret`.replace('u:secret@', ''));
      expect(answer).toMatchObject({
        status: 403,
        headers: { 'proxy-status': 'playhead; error=destination_ip_prohibited' },
      });
      expect(await tunnelTo(pass, `${host}:8443`)).toMatchObject({ status: 403 });
      expect(refused).toEqual([
        { host: told, port: 8080, reason: 'address', omitted: 0 },
        { host: told, port: 8443, reason: 'address', omitted: 0 },
      ]);
    }
    expect(await tunnelTo(pass, '8.8.8.8:25')).toMatchObject({ status: 403 });
    expect(await ask(pass, 'http://nowhere.example/')).toMatchObject({
      status: 502,
      headers: { 'proxy-status': 'playhead; error=dns_error' },
    });
    for (const url of [
      '/',
      'https://site.example/',
      'ftp://site.example/',
      'http://u@site.example/',
      'http://',
    ])
      expect(await ask(pass, url), url).toMatchObject({ status: 400 });
    for (const authority of ['site.example', ':443', 'site.example:', 'a@b:1', '[::1:443'])
      expect(await tunnelTo(pass, authority), authority).toMatchObject({ status: 400 });
  });

  test('D-22 refusals are told ten a second, the others counted', async () => {
    const refused: EgressRefusal[] = [];
    let now = 1_700_000_000_000;
    const clock = { ...systemClock, now: () => now };
    const pass = await opened(egressIn({ parts: { clock } }), {
      refused: (refusal) => refused.push(refusal),
    });
    for (let i = 0; i < 25; i++) await ask(pass, 'http://127.0.0.1/');
    expect(refused).toHaveLength(10);
    now += 1000;
    await ask(pass, 'http://127.0.0.1/');
    expect(refused.at(-1)).toMatchObject({ omitted: 15 });
    expect(pass.traffic.refused).toBe(26);
  });

  test('D-22 a name that changes its answer is connected to at the address that was checked', async () => {
    let asked = 0;
    const resolve = (): Promise<readonly string[]> =>
      Promise.resolve([asked++ % 2 === 0 ? '127.0.0.2' : '127.0.0.1']);
    const hits: string[] = [];
    const rebinding = createServer((request, response) => {
      hits.push(request.socket.localAddress ?? '');
      response.end();
    });
    rebinding.listen(0, '0.0.0.0');
    await once(rebinding, 'listening');
    cleanups.push(() => rebinding.close().closeAllConnections());
    const { port } = rebinding.address() as AddressInfo;
    const pass = await opened(egressIn({ resolve, allowed: ['127.0.0.2'] }));
    for (let i = 0; i < 4; i++) {
      expect(await ask(pass, `http://rebind.example:${port}/`)).toMatchObject({
        status: i % 2 === 0 ? 200 : 403,
      });
    }
    expect(asked).toBe(4);
    expect(hits).toEqual(['127.0.0.2', '127.0.0.2']);
  });

  test('D-22 an upgrade goes through as it is', async () => {
    const server = createServer();
    server.on('upgrade', (request, socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: ${request.headers.upgrade}\r\nConnection: Upgrade\r\n\r\n`,
      );
      socket.write(`${request.url} ${request.headers.host} ${request.headers['proxy-authorization']} `);
      socket.pipe(socket);
    });
    const port = await listening(server);
    const pass = await opened(egressIn({ allowed: ['site.example'] }));
    const request = http.request(pass.server, {
      path: `http://site.example:${port}/socket`,
      agent: false,
      headers: { connection: 'Upgrade', upgrade: 'websocket', 'proxy-authorization': authorization(pass) },
    });
    request.end();
    const [, socket, head] = (await once(request, 'upgrade')) as [unknown, Socket, Buffer];
    let text = head.toString();
    socket.write('ping');
    for await (const piece of socket) {
      text += String(piece);
      if (text.endsWith('ping')) break;
    }
    expect(text).toBe(`/socket site.example:${port} undefined ping`);
    const refused = http.request(pass.server, {
      path: `http://127.0.0.1:${port}/socket`,
      agent: false,
      headers: { connection: 'Upgrade', upgrade: 'websocket', 'proxy-authorization': authorization(pass) },
    });
    refused.end();
    const [response] = (await once(refused, 'response')) as [http.IncomingMessage];
    expect(response.statusCode).toBe(403);
    response.resume();
  });

  test('D-22 connections are limited, and cut with the way', async () => {
    const port = await listening(createTcp((socket) => socket.pipe(socket)));
    const reasons: string[] = [];
    const egress = egressIn({ allowed: ['127.0.0.1'], parts: { connections: 2 } });
    const pass = await opened(egress, { refused: ({ reason }) => reasons.push(reason) });
    const first = await tunnelTo(pass, `127.0.0.1:${port}`);
    const second = await tunnelTo(pass, `127.0.0.1:${port}`);
    expect(await tunnelTo(pass, `127.0.0.1:${port}`)).toMatchObject({ status: 503 });
    expect(reasons).toEqual(['limit']);
    if (!('write' in first) || !('write' in second)) throw new Error('no tunnel');
    // One that is over makes room.
    first.end();
    await once(first.resume(), 'close');
    await expect
      .poll(async () => 'write' in (await tunnelTo(pass, `127.0.0.1:${port}`)), { timeout: 20_000 })
      .toBe(true);
    const cut = once(second.resume(), 'close');
    pass[Symbol.dispose]();
    await cut;
  });

  test('D-22 a host that does not answer, or breaks off, is told as that', async () => {
    const silent = createTcp();
    const port = await listening(silent);
    silent.close();
    const pass = await opened(egressIn({ allowed: ['127.0.0.1'] }));
    expect(await ask(pass, `http://127.0.0.1:${port}/`)).toMatchObject({
      status: 502,
      headers: { 'proxy-status': 'playhead; error=connection_refused' },
    });
    const broken = await listening(
      createTcp((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nx')),
    );
    await expect(ask(pass, `http://127.0.0.1:${broken}/`)).rejects.toThrow('aborted');
    const garbage = await listening(createTcp((socket) => socket.end('garbage\r\n\r\n')));
    expect(await ask(pass, `http://127.0.0.1:${garbage}/`)).toMatchObject({ status: 502 });
  });

  test('D-22 big bodies go through both ways without being held', async () => {
    const size = 8 * 2 ** 20;
    const port = await listening(
      createServer((request, response) => {
        let length = 0;
        request.on('data', (piece: Buffer) => (length += piece.length));
        request.on('end', () => response.end(Buffer.alloc(length, 97)));
      }),
    );
    const pass = await opened(egressIn({ allowed: ['127.0.0.1'] }));
    const got = await ask(pass, `http://127.0.0.1:${port}/`, { method: 'PUT', body: 'x'.repeat(size) });
    expect(got.body.length).toBe(size);
    expect(pass.traffic.sent).toBeGreaterThan(size);
  });
});

describe('another proxy in between', () => {
  /** An http proxy that logs what it is asked for and leads everything to one port of this machine. */
  async function otherProxy(
    asked: string[],
    target: number,
    login?: string,
    tls?: { key: string; cert: string },
  ): Promise<number> {
    const handle = (request: http.IncomingMessage, response: http.ServerResponse): void => {
      asked.push(
        `${request.method} ${request.url} ${request.headers.host} ${request.headers['proxy-authorization']}`,
      );
      if (login !== undefined && request.headers['proxy-authorization'] !== login)
        response.writeHead(407).end();
      else response.end('from the other proxy');
    };
    const server = tls === undefined ? createServer(handle) : https.createServer(tls, handle);
    server.on('connect', (request: http.IncomingMessage, socket: Socket) => {
      asked.push(`CONNECT ${request.url} ${request.headers['proxy-authorization']}`);
      if (login !== undefined && request.headers['proxy-authorization'] !== login) {
        socket.end('HTTP/1.1 407 No\r\n\r\n');
        return;
      }
      const onward = connect(target, '127.0.0.1', () => {
        socket.write('HTTP/1.1 200 OK\r\n\r\n');
        socket.pipe(onward).pipe(socket);
      });
      onward.on('error', () => socket.destroy());
      socket.on('error', () => onward.destroy());
    });
    return listening(server);
  }

  const LOGIN = `Basic ${btoa('user:p:w/d')}`;

  test.each(['http', 'https'])(
    'CO-27 change-proxy: an %s proxy with a login gets tunnels and requests',
    async (scheme) => {
      const port = await site();
      const asked: string[] = [];
      const tls = CERTIFICATE;
      const other = await otherProxy(asked, port, LOGIN, scheme === 'https' ? tls : undefined);
      // Every name is this machine. The proxy is inside, so it is asked for addresses.
      const pass = await opened(
        egressIn({ allowed: ['proxy.example', 'site.example'], parts: { ca: tls.cert } }),
      );
      expect(await pass.change(`${scheme}://user:p%3Aw%2Fd@proxy.example:${other}`)).toBe('changed');
      expect(pass.via).toBe(`${scheme}://proxy.example:${other}`);
      expect(await ask(pass, 'http://site.example/x?y')).toMatchObject({
        status: 200,
        body: 'from the other proxy',
      });
      expect(await askThrough(pass, 'site.example:443', '/deep')).toMatchObject({
        status: 200,
        body: 'hello ',
      });
      expect(asked).toEqual([
        `GET http://127.0.0.1:80/x?y site.example ${LOGIN}`,
        `CONNECT 127.0.0.1:443 ${LOGIN}`,
      ]);
      expect(await pass.change(`${scheme}://user:wrong@proxy.example:${other}`)).toBe('changed');
      expect(await ask(pass, 'http://site.example/')).toMatchObject({
        status: 502,
        headers: { 'proxy-status': 'playhead; error=proxy_configuration_error' },
      });
      expect(await tunnelTo(pass, 'site.example:443')).toMatchObject({ status: 502 });
      expect(await pass.change(null)).toBe('changed');
      expect(await ask(pass, `http://site.example:${port}/`)).toMatchObject({ body: 'hello ' });
    },
  );

  test('D-22 another proxy obeys the rule, and so does what it is asked for', async () => {
    const reasons: string[] = [];
    const asked: string[] = [];
    const other = await otherProxy(asked, 9);
    const pass = await opened(egressIn({ allowed: ['proxy.example'] }), {
      refused: ({ host, reason }) => reasons.push(`${host} ${reason}`),
    });
    for (const text of [
      'http://127.0.0.1:3128',
      'socks5://[::1]',
      'http://inside.example:3128',
      'http://proxy.example:25',
    ])
      expect(await pass.change(text), text).toBe('refused');
    for (const text of [
      '',
      'nonsense',
      'ftp://a',
      'http://',
      'http://a/path',
      'http://a?q',
      'socks4://a',
      'http://%zz@a',
      `http://${'x'.repeat(3000)}`,
    ])
      expect(await pass.change(text), text).toBe('invalid');
    expect(pass.via).toBe('direct');
    expect(await pass.change(`http://proxy.example:${other}`)).toBe('changed');
    for (const host of ['127.0.0.1', 'inside.example', '[::1]', 'localhost'])
      expect(await ask(pass, `http://${host}/`)).toMatchObject({ status: 403 });
    expect(asked).toEqual([]);
    expect(reasons).toEqual([
      '127.0.0.1 address',
      'inside.example address',
      '::1 address',
      'localhost address',
    ]);
  });

  test('D-22 a proxy outside is asked for names, and never for what is private', async () => {
    const asked: string[] = [];
    const other = await otherProxy(asked, await site());
    // 127.0.0.1 stands in for a public address: it is listed, and the guard takes it for one outside.
    const questions: string[] = [];
    const guard = createGuard({
      clock: systemClock,
      allowPrivate: false,
      allowed: networkList(['proxy.example']),
      resolveMs: 5000,
      resolve(host) {
        questions.push(host);
        return Promise.resolve(['127.0.0.1']);
      },
    });
    const outside: typeof guard = {
      async reach(target) {
        const reach = await guard.reach(target);
        return reach.kind === 'open' ? { ...reach, outside: true } : reach;
      },
    };
    const pass = await opened(egressIn({ parts: { guard: outside } }));
    expect(await pass.change(`http://proxy.example:${other}`)).toBe('changed');
    expect(await ask(pass, 'http://far.example/')).toMatchObject({ status: 200 });
    expect(await askThrough(pass, 'far.example:443')).toMatchObject({ status: 200 });
    for (const host of ['localhost', 'a.localhost', '127.1', '10.0.0.1', '[::1]'])
      expect(await tunnelTo(pass, `${host}:443`), host).toMatchObject({ status: 403 });
    expect(await tunnelTo(pass, 'far.example:25')).toMatchObject({ status: 403 });
    expect(asked).toEqual([
      'GET http://far.example:80/ far.example undefined',
      'CONNECT far.example:443 undefined',
    ]);
    expect(questions.filter((host) => host === 'far.example')).toEqual([]);
  });

  test('CO-27 change-proxy: a SOCKS5 proxy with and without a login, and with errors', async () => {
    const port = await site();
    const asked: string[] = [];
    const server = createTcp((socket) => {
      const script = socks(socket, port, asked);
      script.catch(() => socket.destroy());
    });
    const other = await listening(server);
    const pass = await opened(egressIn({ allowed: ['proxy.example', 'site.example'] }));
    expect(await pass.change(`socks5://user:pass@proxy.example:${other}`)).toBe('changed');
    expect(await askThrough(pass, 'site.example:443', '/s')).toMatchObject({ status: 200, body: 'hello ' });
    expect(await ask(pass, 'http://site.example/plain')).toMatchObject({ status: 200, body: 'hello ' });
    expect(asked).toEqual(['user:pass', '127.0.0.1:443', 'user:pass', '127.0.0.1:80']);
    await pass.change(`socks5h://user:wrong@proxy.example:${other}`);
    expect(await ask(pass, 'http://site.example/')).toMatchObject({ status: 502 });
    await pass.change(`socks5://proxy.example:${other}`);
    expect(await ask(pass, 'http://site.example/')).toMatchObject({ status: 502 });
    await pass.change(`socks5://proxy.example:${port}`);
    expect(await ask(pass, 'http://site.example/')).toMatchObject({ status: 502 });
  });

  test('CO-27 change-proxy cuts what goes by the old way', async () => {
    const port = await listening(createTcp((socket) => socket.pipe(socket)));
    const pass = await opened(egressIn({ allowed: ['127.0.0.1', 'proxy.example'] }));
    const socket = await tunnelTo(pass, `127.0.0.1:${port}`);
    if (!('write' in socket)) throw new Error('no tunnel');
    const cut = once(socket.resume(), 'close');
    await pass.change('http://proxy.example:3128');
    await cut;
  });
});

/** A SOCKS5 proxy that wants `user:pass`, one byte at a time. */
async function socks(socket: Socket, target: number, asked: string[]): Promise<void> {
  const say = async (bytes: readonly number[]): Promise<void> => {
    for (const byte of bytes) {
      socket.write(Buffer.from([byte]));
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const take = async (count: number): Promise<Buffer> => {
    let bytes = Buffer.alloc(0);
    while (bytes.length < count) {
      const piece = socket.read() as Buffer | null;
      if (piece === null) await once(socket, 'readable');
      else bytes = Buffer.concat([bytes, piece]);
    }
    if (bytes.length > count) socket.unshift(bytes.subarray(count));
    return bytes.subarray(0, count);
  };
  const [, count = 0] = await take(2);
  const methods = await take(count);
  if (!methods.includes(2)) return say([5, 0xff]);
  await say([5, 2]);
  const name = await take((await take(2))[1] ?? 0);
  const password = await take((await take(1))[0] ?? 0);
  if (String(password) !== 'pass') return say([1, 1]);
  asked.push(`${String(name)}:${String(password)}`);
  await say([1, 0]);
  const [, , , kind] = await take(4);
  const host = kind === 1 ? [...(await take(4))].join('.') : String(await take((await take(1))[0] ?? 0));
  asked.push(`${host}:${(await take(2)).readUInt16BE()}`);
  const onward = connect(target, '127.0.0.1').on('error', () => socket.destroy());
  await once(onward, 'connect');
  await say([5, 0, 0, 3, 4, 97, 98, 99, 100, 0, 80]);
  socket.pipe(onward).pipe(socket);
}
