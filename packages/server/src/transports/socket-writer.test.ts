import { once } from 'node:events';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Duplex } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { SocketWriter } from './socket-writer.ts';

let server: Server;
let folder: string;

beforeAll(async () => {
  // As a server of HTTP has them: what the peer ends it still hears the rest of.
  server = createServer({ allowHalfOpen: true, noDelay: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  folder = await mkdtemp(join(tmpdir(), 'playhead-writer-'));
});
afterAll(async () => {
  server.close();
  await rm(folder, { recursive: true, force: true });
});

async function connected(): Promise<{ near: Socket; far: Socket }> {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const far = connect(address.port, '127.0.0.1').pause();
  const [near] = (await once(server, 'connection')) as [Socket];
  return { near, far };
}

function descriptorOf(socket: Socket): number {
  return (socket as Socket & { readonly _handle: { readonly fd: number } })._handle.fd;
}

/** Opens a file until it gets this number, and gives what closes all of them. */
function occupy(file: string, number: number): Disposable {
  const opened: number[] = [];
  while (opened.at(-1) !== number && opened.length < 1000) opened.push(openSync(file, 'a'));
  if (opened.at(-1) !== number) throw new Error(`${number} was not given again`);
  return {
    [Symbol.dispose]() {
      for (const fd of opened) closeSync(fd);
    },
  };
}

/** Pieces of 1 to 40,000 bytes, no two of a length and content alike. */
function* pieces(count: number): Generator<Buffer> {
  for (let i = 1; i <= count; i++) yield Buffer.alloc(1 + ((i * 7919) % 40_000), i % 251);
}

describe('SocketWriter', () => {
  test('writes every byte once and in order to a reader that is slow, and asks to wait for it', async () => {
    const { near, far } = await connected();
    const writer = new SocketWriter(near);
    const sent: Buffer[] = [];
    let waited = 0;
    const received = buffer(far);
    far.pause();
    for (const piece of pieces(2000)) {
      sent.push(piece);
      if (writer.write(piece)) continue;
      waited++;
      far.resume();
      await once(near, 'drain');
      // The next time it is full again: part of a piece is taken, and the rest of it waits.
      far.pause();
    }
    near.end();
    far.resume();
    expect((await received).equals(Buffer.concat(sent))).toBe(true);
    expect(waited).toBeGreaterThan(2);
  });

  test('leaves nothing to the stream while the kernel takes all of it', async () => {
    const { near, far } = await connected();
    const writer = new SocketWriter(near);
    expect(writer.write(Buffer.from('one'))).toBe(true);
    expect([near.bytesWritten, near.writableLength]).toEqual([0, 0]);
    near.end('two');
    expect((await buffer(far)).toString()).toBe('onetwo');
  });

  test('keeps behind what the stream holds back', async () => {
    const { near, far } = await connected();
    const writer = new SocketWriter(near);
    near.cork();
    near.write('one ');
    writer.write(Buffer.from('two '));
    near.uncork();
    writer.write(Buffer.from('three'));
    near.end();
    expect((await buffer(far)).toString()).toBe('one two three');
  });

  test('writes through the stream where there is no descriptor, with its answers', () => {
    const stream = new Duplex({ read() {}, write() {}, highWaterMark: 8 });
    const writer = new SocketWriter(stream);
    expect(writer.write(Buffer.from('less'))).toBe(true);
    expect(writer.write(Buffer.from('more'))).toBe(false);
    expect(stream.writableLength).toBe(8);
  });

  test.each([
    ['a handle of another kind, such as of TLS', 'TLSWrap', (fd: number) => fd],
    ['a handle without a number', 'TCP', () => undefined],
    ['a handle whose number is none', 'TCP', () => -1],
  ])('writes through the stream with %s', (_, name, number) => {
    const file = join(folder, name);
    const fd = openSync(file, 'a');
    const taken: string[] = [];
    const stream = new Duplex({
      read() {},
      write(piece: Buffer, _encoding, done) {
        taken.push(piece.toString());
        done();
      },
    });
    Object.assign(stream, { _handle: { fd: number(fd), constructor: { name } } });
    new SocketWriter(stream).write(Buffer.from('text'));
    closeSync(fd);
    expect([taken, readFileSync(file, 'utf8')]).toEqual([['text'], '']);
  });

  test('writes nothing to whoever has the number of a socket that is destroyed', async () => {
    const { near, far } = await connected();
    const writer = new SocketWriter(near);
    writer.write(Buffer.from('before'));
    const number = descriptorOf(near);
    const file = join(folder, 'next');
    near.destroy();
    using _opened = occupy(file, number);
    writer.write(Buffer.from('after'));
    await once(near, 'close');
    writer.write(Buffer.from('long after'));
    expect(readFileSync(file, 'utf8')).toBe('');
    expect((await buffer(far)).toString()).toBe('before');
  });

  test('fails behind the end as a write to the stream does, and the peer hears none of it', async () => {
    const { near, far } = await connected();
    const writer = new SocketWriter(near);
    near.end('all');
    const failed = once(near, 'error');
    expect(writer.write(Buffer.from('more'))).toBe(false);
    expect(await failed).toMatchObject([{ code: 'ERR_STREAM_WRITE_AFTER_END' }]);
    expect((await buffer(far)).toString()).toBe('all');
  });

  test('a peer that is gone is an error of the socket, and its end', async () => {
    const { near, far } = await connected();
    const writer = new SocketWriter(near);
    const failed = once(near, 'error');
    const closed = new Promise((resolve) => near.once('close', resolve));
    far.resetAndDestroy();
    // Until the reset has arrived the kernel takes what it gets, as it does from the stream.
    while (!near.destroyed) {
      writer.write(Buffer.from('nobody reads this'));
      await new Promise((resolve) => setImmediate(resolve));
    }
    const [error] = (await failed) as [NodeJS.ErrnoException];
    expect(['EPIPE', 'ECONNRESET']).toContain(error.code);
    await closed;
  });
});
