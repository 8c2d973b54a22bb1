import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  act,
  type Computer,
  computers,
  createComputer,
  done,
  eventsOf,
  nextEvent,
  openEvents,
} from '../support/computers.ts';
import { makeGate } from '../support/gate.ts';
import { findChromium } from '../support/optional.ts';
import { gone } from '../support/processes.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { within } from '../support/within.ts';

const chromium = findChromium();

interface Line {
  readonly type: 'stdout' | 'stderr' | 'exit' | 'error';
  readonly data?: string;
  readonly code?: number | string;
  readonly message?: string;
}

describe.skipIf(chromium.missing)('commands in computers', () => {
  let server: TestServer;
  let computer: Computer & AsyncDisposable;
  beforeAll(async () => {
    server = await startServer();
    computer = await createComputer(server);
  });
  afterAll(async () => {
    await computer?.[Symbol.asyncDispose]();
    await server?.stop();
  });

  /** `exec`, and its lines. The text of the body is kept, for its bytes matter. */
  async function exec(body: unknown): Promise<{ status: number; text: string; lines: Line[] }> {
    const { status, text, headers } = await computers(server, 'POST', `/${computer.id}/exec`, body);
    expect(headers['content-type']).toMatch(/^application\/x-ndjson/);
    return { status, text, lines: linesOf(text) };
  }

  test('CO-27 P-336 exec answers with lines of JSON that end with the exit code', async () => {
    const { status, lines } = await exec({ command: 'echo out; echo err >&2; exit 3' });
    expect(status).toBe(200);
    expect(joined(lines, 'stdout')).toBe('out\n');
    expect(joined(lines, 'stderr')).toBe('err\n');
    expect(lines.at(-1)).toEqual({ type: 'exit', code: 3 });
  });

  test('P-336 every line is a whole number of 64 bytes and below 64 KiB, whatever is in it', async () => {
    const { text, lines } = await exec({
      command: `printf 'Grüße 世界 🌍\\001\\n'; head -c 300000 /dev/zero | tr '\\0' '\\001'; printf '🌍%.0s' $(seq 5000)`,
    });
    for (const line of text.split('\n').slice(0, -1)) {
      const bytes = Buffer.byteLength(line) + 1;
      expect(bytes % 64).toBe(0);
      expect(bytes).toBeLessThan(65_536);
      expect(line.trim()).not.toBe('');
    }
    const stdout = joined(lines, 'stdout');
    expect(stdout.startsWith('Grüße 世界 🌍\u0001\n')).toBe(true);
    expect(stdout.length).toBe('Grüße 世界 🌍\u0001\n'.length + 300_000 + 10_000);
    expect(stdout.isWellFormed()).toBe(true);
  });

  test('P-336 what is written is there while the command still runs', async () => {
    await using gate = await makeGate();
    const { promise: early, resolve } = Promise.withResolvers<string>();
    const ended = new Promise<string>((resolveEnd, reject) => {
      const outgoing = httpRequest(
        {
          host: '127.0.0.1',
          port: server.port,
          path: `/computers/${computer.id}/exec`,
          method: 'POST',
          headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
        },
        (incoming) => {
          let text = '';
          incoming.setEncoding('utf8').on('data', (piece: string) => resolve((text += piece)));
          incoming.on('end', () => resolveEnd(text));
        },
      );
      outgoing.on('error', reject);
      outgoing.end(JSON.stringify({ command: `echo early; ${gate.wait}; echo late` }));
    });
    expect(joined(linesOf(await within(early, 'the first line')), 'stdout')).toBe('early\n');
    await gate.open();
    expect(joined(linesOf(await within(ended, 'the end')), 'stdout')).toBe('early\nlate\n');
  });

  test('D-33 P-337 it runs in the computer’s own folder, which /workspace names', async () => {
    const run = async (body: unknown): Promise<string> =>
      (await computers(server, 'POST', `/${computer.id}/exec/sync`, body)).json<{ stdout: string }>().stdout;
    await run({ command: 'mkdir -p sub; echo kept > sub/file' });
    expect(await run({ command: 'cat sub/file' })).toBe('kept\n');
    expect(await run({ command: 'cat file', cwd: '/workspace/sub' })).toBe('kept\n');
    expect(await run({ command: 'cat file', cwd: 'sub' })).toBe('kept\n');
    expect(await run({ command: 'printf %s "$A"', env: { A: 'Grüße' } })).toBe('Grüße');
    expect(await run({ command: 'env' })).not.toContain('PLAYHEAD_');
    await using other = await createComputer(server);
    const elsewhere = await computers(server, 'POST', `/${other.id}/exec/sync`, { command: 'ls' });
    expect(elsewhere.json<{ stdout: string }>().stdout).not.toContain('sub');
  });

  test('P-336 exec/sync answers when it has ended', async () => {
    const answer = await computers(server, 'POST', `/${computer.id}/exec/sync`, {
      command: 'echo out; echo err >&2; exit 4',
      timeout_seconds: 60,
    });
    expect(answer.json()).toMatchObject({ exit_code: 4, stdout: 'out\n', stderr: 'err\n' });
  });

  test('P-336 a command whose time is over is ended and has the exit code −1', async () => {
    const body = { command: 'echo before; sleep 60', timeout_seconds: 0.2 };
    const { lines } = await exec(body);
    expect(joined(lines, 'stdout')).toBe('before\n');
    expect(lines.at(-1)).toMatchObject({ type: 'exit', code: -1 });
    const answer = await computers(server, 'POST', `/${computer.id}/exec/sync`, body);
    expect(answer.json()).toMatchObject({ exit_code: -1, stdout: 'before\n' });
  });

  test('P-336 what cannot be run is one line of error, with status 200', async () => {
    for (const body of [
      {},
      { command: '' },
      { command: 1 },
      { command: 'true', cwd: '/etc' },
      { command: 'true', cwd: '../..' },
    ]) {
      const { status, lines } = await exec(body);
      expect(status).toBe(200);
      expect(lines).toEqual([{ type: 'error', code: 'INVALID_REQUEST', message: expect.any(String) }]);
    }
    expect((await computers(server, 'POST', `/${computer.id}/exec/sync`, {})).status).toBe(400);
  });

  test('several at once keep their output apart', async () => {
    const all = await Promise.all(
      Array.from({ length: 5 }, (_, i) => exec({ command: `for n in $(seq 200); do echo ${i}; done` })),
    );
    all.forEach(({ lines }, i) => expect(joined(lines, 'stdout')).toBe(`${i}\n`.repeat(200)));
  });

  test('P-336 who hangs up ends the command', async () => {
    const { promise: begun, resolve } = Promise.withResolvers<string>();
    const outgoing = httpRequest(
      {
        host: '127.0.0.1',
        port: server.port,
        path: `/computers/${computer.id}/exec`,
        method: 'POST',
        headers: { authorization: `Bearer ${server.key}`, 'content-type': 'application/json' },
      },
      (incoming) => {
        incoming.on('error', () => undefined);
        incoming.once('data', (piece: Buffer) => resolve(piece.toString()));
      },
    );
    outgoing.on('error', () => undefined);
    outgoing.end(JSON.stringify({ command: 'echo $$; sleep 60' }));
    const pid = Number(joined(linesOf(await within(begun, 'its first line')), 'stdout'));
    outgoing.destroy();
    await gone(pid);
  });

  test('debug answers with its output, and is told as events', async () => {
    await using reader = await openEvents(server, computer.id);
    const result = await done(server, computer.id, 'debug', { command: 'echo out; echo err >&2; exit 5' });
    expect(result).toMatchObject({ stdout: 'out\n', stderr: 'err\n', exit_code: 5 });
    expect(result['debug_response']).toContain('out\n');
    expect(result['debug_response']).toContain('err\n');
    const cut = await done(server, computer.id, 'execute', {
      type: 'debug',
      debug: { command: 'printf 123456789', max_output_length: 4, cwd: '/workspace' },
    });
    expect(cut).toMatchObject({ debug_response: '1234', truncated: true });
    expect(
      await act(server, computer.id, 'debug', { command: 'sleep 60', timeout_seconds: 0.1 }),
    ).toMatchObject({ status: 'ERROR', code: 'timed-out' });
    const response = await nextEvent(reader, 'action_response', ({ result: told }) => told.exit_code === 5);
    const chunks = eventsOf(reader).filter(
      ({ type, request_id }) => type === 'command_output' && request_id === response['request_id'],
    );
    const text = (stderr: boolean): string =>
      chunks
        .filter(({ is_stderr }) => is_stderr === stderr)
        .map(({ data }) => Buffer.from(data, 'base64').toString())
        .join('');
    expect([text(false), text(true)]).toEqual(['out\n', 'err\n']);
  });

  test('P-337 the end of the computer ends its commands, and its folder', async () => {
    const other = await createComputer(server);
    await using reader = await openEvents(server, other.id);
    const running = computers(server, 'POST', `/${other.id}/exec/sync`, { command: 'echo $$; sleep 60' });
    const told = await nextEvent(reader, 'command_output');
    await computers(server, 'DELETE', `/${other.id}`);
    expect((await running).json()).toMatchObject({ exit_code: -1 });
    await gone(Number(Buffer.from(told['data'], 'base64').toString()));
  });
});

function linesOf(text: string): Line[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);
}

function joined(lines: readonly Line[], type: Line['type']): string {
  return lines
    .filter((line) => line.type === type)
    .map(({ data }) => data)
    .join('');
}
