import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createExecLines, paddedLine } from './exec-lines.ts';

test('P-336 a line is its JSON, filled up to a whole number of 64 bytes', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: 'binary', maxLength: 200 }), (value, data) => {
      const line = paddedLine({ value, data });
      expect(Buffer.byteLength(line) % 64).toBe(0);
      expect(line.endsWith('\n')).toBe(true);
      expect(line.slice(0, -1)).not.toMatch(/[\n\r\u0085\u2028\u2029]/);
      expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify({ value, data })));
    }),
  );
});

/** What a reader gets of output that came in these pieces. */
async function written(pieces: readonly Buffer[]): Promise<string> {
  const server = createServer((_request, response) => {
    const lines = createExecLines(response);
    for (const piece of pieces) lines.output('stdout', piece);
    lines.exit({ kind: 'exited', code: 0 });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const answer = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const text = await answer.text();
  server.close();
  return text;
}

test('P-336 text is whole, wherever its bytes were cut, and no line is as long as 64 KiB', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('a', 'ü', '世', '🌍', '\u0001', '\n', '\u2028'), { maxLength: 200 }),
      fc.integer({ min: 1, max: 200 }),
      fc.integer({ min: 1, max: 7 }),
      async (characters, times, size) => {
        const text = characters.join('').repeat(times);
        const bytes = Buffer.from(text);
        const step = size === 7 ? 50_000 : size;
        const pieces: Buffer[] = [];
        for (let at = 0; at < bytes.length && pieces.length < 2_000; at += step)
          pieces.push(bytes.subarray(at, at + step));
        const whole = Buffer.concat(pieces);
        const lines = (await written(pieces)).split('\n').slice(0, -1);
        for (const line of lines) expect(Buffer.byteLength(line)).toBeLessThan(65_536);
        const data = lines.map((line) => JSON.parse(line) as { type: string; data?: string });
        expect(data.at(-1)).toEqual({ type: 'exit', code: 0 });
        expect(data.map((line) => line.data ?? '').join('')).toBe(new TextDecoder().decode(whole));
        for (const line of data) expect((line.data ?? '').isWellFormed()).toBe(true);
      },
    ),
    { numRuns: 30 },
  );
});
