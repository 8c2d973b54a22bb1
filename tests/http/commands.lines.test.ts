import { afterAll, beforeAll, expect, test } from 'vitest';
import { completeOf, follow, lines, outputs, run, start } from '../support/commands.ts';
import { makeGate } from '../support/gate.ts';
import { startServer, type TestServer } from '../support/server.ts';
import type { Frame } from '../support/sse-client.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

/** The longest line on the wire, in bytes. */
const longest = (frames: readonly Frame[]): number =>
  Math.max(...frames.flatMap((frame) => frame.lines.map((line) => Buffer.byteLength(line))));

test('CM-8 one event per line, in the order of each stream, all of them before complete', async () => {
  const frames = await run(
    server,
    'for i in $(seq 1 500); do echo "out $i"; echo "err $i" >&2; done; exit 9',
  );
  const numbered = (name: string): string[] => Array.from({ length: 500 }, (_, i) => `${name} ${i + 1}`);
  expect(lines(frames, 'stdout')).toEqual(numbered('out'));
  expect(lines(frames, 'stderr')).toEqual(numbered('err'));
  expect(completeOf(frames).exit_code).toBe(9);
});

test('CM-8 nothing of a big burst is lost at the end', async () => {
  const frames = await run(server, 'seq 1 50000');
  const all = lines(frames);
  expect(all).toHaveLength(50_000);
  expect(all.every((line, i) => line === String(i + 1))).toBe(true);
  completeOf(frames);
});

test('CM-8 the last line needs no newline, and empty lines count', async () => {
  expect(lines(await run(server, `printf 'a\\n\\n\\nb'`))).toEqual(['a', '', '', 'b']);
  expect(lines(await run(server, `printf 'only'`))).toEqual(['only']);
  expect(lines(await run(server, 'true'))).toEqual([]);
});

test('CM-8 a line comes as soon as it is complete, a piece of one is held', async () => {
  await using gate = await makeGate();
  const id = await start(server, `printf 'half '; echo mark >&2; ${gate.wait}; echo whole`);
  await using reader = await follow(server, id);
  await reader.frame((frame) => frame.data?.includes('mark') === true, 'the mark on stderr');
  await reader.event('heartbeat');
  expect(lines(reader.frames, 'stdout')).toEqual([]);
  await gate.open();
  await reader.end();
  expect(lines(reader.frames, 'stdout')).toEqual(['half whole']);
});

test('CM-8 a process left in the background does not hold the end back for ever', async () => {
  const frames = await run(server, 'sleep 600 & echo started');
  expect(lines(frames)).toEqual(['started']);
  expect(completeOf(frames).exit_code).toBe(0);
});

test('CM-16 D-10 a long line is split under 60 KiB a data line, and its pieces join to it', async () => {
  const frames = await run(server, `head -c 300000 /dev/zero | tr '\\0' y; echo; echo after`);
  const all = lines(frames);
  expect(longest(frames)).toBeLessThan(60 * 1024);
  expect(all.at(-1)).toBe('after');
  expect(all.slice(0, -1).join('')).toBe('y'.repeat(300_000));
});

test('CM-16 D-10 JSON escapes count: a line of control characters stays under the limit', async () => {
  const frames = await run(server, `head -c 100000 /dev/zero | tr '\\0' '\\1'; echo`);
  expect(longest(frames)).toBeLessThan(60 * 1024);
  expect(lines(frames).join('')).toBe('\u0001'.repeat(100_000));
});

test('CM-16 D-10 quotes and backslashes count too', async () => {
  const frames = await run(
    server,
    `head -c 90000 /dev/zero | tr '\\0' '"'; head -c 90000 /dev/zero | tr '\\0' '\\\\'; echo`,
  );
  expect(longest(frames)).toBeLessThan(60 * 1024);
  expect(lines(frames).join('')).toBe('"'.repeat(90_000) + '\\'.repeat(90_000));
});

test('CM-16 D-10 a long line of characters of several bytes is split between them', async () => {
  const frames = await run(server, `printf 'x'; for i in $(seq 1 40000); do printf '世🌍'; done; echo`);
  expect(longest(frames)).toBeLessThan(60 * 1024);
  for (const line of lines(frames)) expect(line.isWellFormed()).toBe(true);
  expect(lines(frames).join('')).toBe(`x${'世🌍'.repeat(40_000)}`);
});

test('CM-7 a character that is split over two writes survives', async () => {
  await using gate = await makeGate();
  const id = await start(server, `printf 'gr\\303'; echo mark >&2; ${gate.wait}; printf '\\274n\\n'`);
  await using reader = await follow(server, id);
  await reader.frame((frame) => frame.data?.includes('mark') === true, 'the mark on stderr');
  await gate.open();
  await reader.end();
  expect(lines(reader.frames, 'stdout')).toEqual(['grün']);
});

test('CM-7 invalid bytes become U+FFFD, in the middle of a line and at its end', async () => {
  expect(lines(await run(server, `printf 'a\\377b\\nc\\303\\nd\\360\\237'`))).toEqual([
    'a\ufffdb',
    'c\ufffd',
    'd\ufffd',
  ]);
});

test('CM-7 NUL and escape sequences arrive as they are', async () => {
  expect(lines(await run(server, `printf '\\033[31mred\\033[0m\\000\\t.\\n'`))).toEqual([
    '\u001b[31mred\u001b[0m\0\t.',
  ]);
});

test('CM-15 a carriage return ends no line of the frame', async () => {
  const frames = await run(server, `printf 'one\\rtwo\\nthree\\r\\n'`);
  expect(lines(frames).map((line) => line.replace(/\r$/, ''))).toEqual(['one\rtwo', 'three']);
  expect(frames.some((frame) => frame.text.includes('\r'))).toBe(false);
});

test('CM-15 D-10 U+0085, U+2028 and U+2029 are escaped, because Python splits lines there', async () => {
  const frames = await run(server, `printf 'a\\302\\205b\\342\\200\\250c\\342\\200\\251d\\n'`);
  expect(lines(frames)).toEqual(['a\u0085b\u2028c\u2029d']);
  expect(frames.some((frame) => /[\u0085\u2028\u2029]/.test(frame.text))).toBe(false);
});

test('CM-13 output that looks like a frame stays one line of output', async () => {
  const frames = await run(server, `printf 'event: complete\\ndata: {"exit_code":0}\\n\\nid: 1\\n: c\\n'`);
  expect(outputs(frames)).toHaveLength(5);
  expect(lines(frames)).toEqual(['event: complete', 'data: {"exit_code":0}', '', 'id: 1', ': c']);
  expect(completeOf(frames).exit_code).toBe(0);
});
