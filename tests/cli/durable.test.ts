import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bareCli, type CliEnd, type CliOptions, RunningCli } from '../support/cli.ts';
import { type DurableStreamsPeer, startDurableStreamsPeer } from '../support/durable-streams-peer.ts';
import { listenOnLoopback } from '../support/loopback.ts';
import { type LosingProxy, startLosingProxy } from '../support/losing-proxy.ts';
import { findDurableStreamsServer } from '../support/optional.ts';
import { startServer, type TestServer } from '../support/server.ts';

const peerMissing = findDurableStreamsServer().missing;

interface Place {
  /** Of the command line. */
  readonly env: Readonly<Record<string, string>>;
  readonly port: number;
  /** How the stream of that name is called there. */
  word(name: string): string;
  /** Through a proxy. */
  through(proxy: LosingProxy, name: string): { readonly word: string; readonly env: Place['env'] };
}

let server: TestServer;
let peer: DurableStreamsPeer | undefined;
beforeAll(async () => {
  server = await startServer();
  if (!peerMissing) peer = await startDurableStreamsPeer();
});
afterAll(async () => {
  await server?.stop();
  await peer?.[Symbol.asyncDispose]();
});

const own = (url: string): Place['env'] => ({ PLAYHEAD_URL: url, PLAYHEAD_API_KEY: server.key });
const PLACES: Readonly<Record<string, () => Place>> = {
  'its own server by name': () => ({
    env: own(server.url),
    port: server.port,
    word: (name) => name,
    through: (proxy, name) => ({ word: name, env: own(proxy.url) }),
  }),
  ...(peerMissing
    ? {}
    : {
        'another server': () => ({
          env: {},
          port: Number(new URL(peer?.url ?? '').port),
          word: (name: string) => `${peer?.url}/${name}`,
          through: (proxy: LosingProxy, name: string) => ({
            word: `${proxy.url}/v1/stream/${name}`,
            env: {},
          }),
        }),
      }),
};

let made = 0;
const fresh = (): string => `things/t${++made}`;

describe.each(Object.keys(PLACES))('a stream on %s', (where) => {
  let place: Place;
  beforeAll(() => {
    const found = PLACES[where];
    if (found === undefined) throw new Error(where);
    place = found();
  });
  const run = (args: readonly string[], options: CliOptions = {}): Promise<CliEnd> =>
    bareCli(args, { ...options, env: { ...place.env, ...options.env } });
  async function stream(...flags: string[]): Promise<string> {
    const word = place.word(fresh());
    const end = await run(['create', ...flags, word]);
    expect(end).toMatchObject({ code: 0, stderr: '' });
    return word;
  }
  const next = async (word: string): Promise<string> => {
    const { stdout } = await run(['head', '-o', 'json', word]);
    return (JSON.parse(stdout) as { next: string }).next;
  };

  test('is made, added to, read, closed, forked and deleted', async () => {
    const word = await stream();
    const one = await run(['append', word, '{"n": 1}']);
    expect(one).toMatchObject({ code: 0, stderr: '' });
    expect(one.stdout).toBe(`${await next(word)}\n`);
    expect((await run(['append', '--text', word, 'zwei'])).code).toBe(0);
    const rest = await run(['read', `--after=${one.stdout.trim()}`, word]);
    expect(rest.stdout).toBe('"zwei"\n');
    const copy = place.word(fresh());
    const forked = await run(['fork', '--at', one.stdout.trim(), word, copy]);
    expect(forked).toMatchObject({ code: 0, stdout: `${await next(copy)}\n` });
    const closed = await run(['close', word]);
    expect(closed.stdout).toBe(`${await next(word)}\n`);
    expect((await run(['close', word])).code).toBe(0);
    const late = await run(['append', word, '3']);
    expect([late.code, late.stderr]).toEqual([1, expect.stringContaining('closed')]);
    expect((await run(['append', '--text', copy, 'drei'])).code).toBe(0);
    expect((await run(['read', copy])).stdout).toMatch(/^\{"n": ?1\}\n"drei"\n$/);
    expect((await run(['head', word])).stdout).toMatch(/^type +application\/json\nnext +\S+\nclosed +yes\n$/);
    expect((await run(['delete', copy])).code).toBe(0);
    expect((await run(['delete', word])).code).toBe(0);
    const gone = await run(['read', word]);
    expect([gone.code, gone.stderr]).toEqual([1, expect.stringContaining('no')]);
  });

  test('takes bytes from stdin and gives back the same', async () => {
    const word = await stream('--content-type', 'application/octet-stream');
    const input = Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7 + (i >> 8)) & 0x7f)).toString(
      'latin1',
    );
    const end = await run(['append', word], { input });
    expect(end).toMatchObject({ code: 0, stderr: '' });
    expect((await run(['read', word])).stdout).toBe(input);
    const documents = (await run(['read', '-o', 'json', word])).stdout.trimEnd().split('\n');
    const parts = documents.map((line) => JSON.parse(line) as { next: string; data: string });
    expect(parts.map(({ data }) => Buffer.from(data, 'base64').toString('latin1')).join('')).toBe(input);
    expect(parts.at(-1)?.next).toBe(await next(word));
    expect((await run(['append', '--type', 'x', word, 'y'])).code).toBe(2);
  });

  test('takes messages from stdin, each whole, and closes behind them', async () => {
    const word = await stream();
    const name = !word.startsWith('http');
    const lines = ['1', '[2,[3]]', '{"a":"\u2028 , ]"}', '"vier"', 'null'];
    const flags = name ? ['--type', 'message'] : [];
    const end = await run(['append', '--close', ...flags, word], { input: `${lines.join('\n')}\n` });
    expect(end).toMatchObject({ code: 0, stderr: '' });
    const read = (await run(['read', word])).stdout.trimEnd().split('\n');
    expect(read.map((line) => JSON.parse(line) as unknown)).toEqual(
      lines.map((line) => JSON.parse(line) as unknown),
    );
    const bad = await run(['append', ...flags, word], { input: '1\nnonsense\n' });
    expect([bad.code, bad.stderr]).toEqual([1, expect.stringContaining('Line 2 is not JSON')]);
  });

  test('is followed until it is closed, also across a connection that loses answers', async () => {
    const name = fresh();
    await using proxy = await startLosingProxy(place.port);
    const { word, env } = place.through(proxy, name);
    expect((await run(['create', place.word(name)])).code).toBe(0);
    expect((await run(['append', place.word(name), '0'])).code).toBe(0);
    using reader = new RunningCli(['read', '--live', word], env, {});
    // From here on it knows that the server is there.
    await reader.says('0\n');
    for (const i of [1, 2, 3]) {
      proxy.lose('GET', 1);
      expect((await run(['append', place.word(name), String(i)])).code).toBe(0);
      await reader.says(`${i}\n`);
    }
    expect((await run(['append', '--close', place.word(name), '4'])).code).toBe(0);
    expect(await reader.end).toMatchObject({ code: 0, stdout: '0\n1\n2\n3\n4\n' });
    expect(proxy.lost).toBeGreaterThan(0);
  });

  test('L7 has nothing twice when answers to appends are lost', async () => {
    const name = fresh();
    await using proxy = await startLosingProxy(place.port);
    const { word, env } = place.through(proxy, name);
    expect((await run(['create', place.word(name)])).code).toBe(0);
    proxy.lose('POST', 2);
    const end = await bareCli(['append', '--text', '--close', word], { input: 'a\nb\n', env });
    expect(end).toMatchObject({ code: 0, stderr: '' });
    expect(proxy.lost).toBe(2);
    expect((await run(['read', place.word(name)])).stdout).toBe('"a"\n"b"\n');
    expect((await run(['head', place.word(name)])).stdout).toContain('yes');
  });

  test('is made once, and not again in another way', async () => {
    const word = await stream('--ttl', '1h');
    expect((await run(['create', '--ttl', '1h', word])).code).toBe(0);
    const other = await run(['create', '--content-type', 'text/plain', word]);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain('head');
    expect((await run(['head', '-o', 'json', word])).stdout).toContain('"ttl_seconds":3600');
    const whole = place.word(fresh());
    expect((await run(['create', '--closed', whole, '[1,2]'])).code).toBe(0);
    expect((await run(['read', '--live', whole])).stdout).toBe('[1,2]\n');
    expect((await run(['create', '--ttl', '1h', '--expires-at', '2999-01-01', whole])).code).toBe(2);
    expect((await run(['create', whole, 'nonsense'])).code).toBe(2);
    expect((await run(['fork', place.word(fresh()), place.word(fresh())])).code).toBe(1);
  });

  test('is said to be missing', async () => {
    const word = place.word(fresh());
    for (const args of [['read'], ['head'], ['close'], ['delete'], ['tail']]) {
      const end = await run([...args, word]);
      expect([args[0], end.code, end.stdout]).toEqual([args[0], 1, '']);
      expect(end.stderr).toMatch(/no (?:such )?stream/);
    }
    expect((await run(['append', word, '1'])).stderr).toContain('create it first');
  });

  test('is tailed', async () => {
    const word = await stream();
    expect((await run(['append', word, '1'])).code).toBe(0);
    const all = await run(['tail', '--no-follow', '-o', 'json', word]);
    expect(all.stdout).toContain('1');
    const none = await run(['tail', '--no-follow', '--after', 'now', word]);
    expect([none.code, none.stdout]).toEqual([0, '']);
    const offset = await next(word);
    expect((await run(['tail', '--no-follow', '--after', offset, word])).stdout).toBe('');
    expect((await run(['tail', '--no-follow', '--after=-1', word])).stdout).toContain('1');
  });
});

describe('a URL', () => {
  test('P-7 of the own server is the stream of that name, and is shown the key', async () => {
    const [name, env] = [fresh(), own(server.url.replace('127.0.0.1', 'localhost'))];
    const word = `${server.url}/v1/stream/${name}`;
    expect(await bareCli(['create', word], { env })).toMatchObject({ code: 0, stderr: '' });
    const end = await bareCli(['append', word], { env, input: '1\n[2,{"a":3}]\n' });
    expect(end).toMatchObject({ code: 0, stderr: '' });
    expect((await bareCli(['append', name, '4'], { env })).code).toBe(0);
    for (const stream of [name, word]) {
      const read = await bareCli(['read', `--after=${end.stdout.trim()}`, stream], { env });
      expect(read).toMatchObject({ code: 0, stdout: '4\n' });
    }
    expect((await bareCli(['tail', '--no-follow', word], { env })).stdout).toBe('1\n[2,{"a":3}]\n4\n');
  });

  test('D-23 of another server is never shown the key of this one', async () => {
    const seen: (string | undefined)[] = [];
    const other = createServer(({ headers }, response) => {
      seen.push(String(headers['x-api-key']), headers.authorization);
      response.writeHead(200, { 'stream-next-offset': '1', 'content-type': 'text/plain' });
      response.end();
    });
    const listening = await listenOnLoopback(other);
    const url = `${listening.url}/v1/stream/a`;
    const folder = await mkdtemp(join(tmpdir(), 'playhead-cli-'));
    try {
      await writeFile(join(folder, 'headers'), 'Authorization: Bearer secret\n');
      const env = own(server.url);
      expect((await bareCli(['head', url], { env })).code).toBe(0);
      expect((await bareCli(['head', '-H', `@${join(folder, 'headers')}`, url], { env })).code).toBe(0);
      expect(seen).toEqual(['undefined', undefined, 'undefined', 'Bearer secret']);
      const wrong = await bareCli(['head', '-H', 'secret', url], { env });
      expect([wrong.code, wrong.stderr.includes('secret')]).toEqual([2, false]);
      expect((await bareCli(['head', url.replace('//', '//me:pw@')], { env })).code).toBe(2);
      expect((await bareCli(['tail', '--since', '1h', url], { env })).code).toBe(2);
    } finally {
      await listening.close();
      await rm(folder, { recursive: true });
    }
  });

  test('of something else than a stream is told, and so is a redirect', async () => {
    const page = createServer(({ url }, response) => {
      response.writeHead(url?.startsWith('/away') === true ? 302 : 200, {
        location: '/',
        'content-type': 'text/html',
      });
      response.end('<p>');
    });
    const { url, close } = await listenOnLoopback(page);
    for (const command of ['read', 'head', 'close', 'create']) {
      const end = await bareCli([command, `${url}/page`]);
      expect([end.code, end.stderr]).toEqual([1, expect.stringContaining('Durable Streams protocol')]);
    }
    expect((await bareCli(['read', `${url}/away`])).stderr).toContain('redirects');
    await close();
    expect((await bareCli(['read', `${url}/page`])).code).toBe(3);
  });
});
