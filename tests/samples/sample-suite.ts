import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PROJECT, readAll, start } from '../support/commands.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { makeGate } from '../support/gate.ts';
import { loseCommand } from '../support/lost-command.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { CASES, expectPrinted } from './cases.ts';
import { type ClientProgram, startClient } from './client-program.ts';

/** A client in the manner of one of the documented samples. */
export interface Sample {
  readonly name: string;
  /** What it needs is not on this machine. */
  readonly missing: boolean;
  /** The program and its first arguments. */
  program(): Promise<readonly [string, ...string[]]>;
  /** Its library connects again by itself, with Last-Event-ID. */
  readonly reconnects: boolean;
}

/** What every such client must experience. */
export function describeSample(sample: Sample): void {
  describe.skipIf(sample.missing)(`the sample client: ${sample.name}`, () => {
    let server: TestServer;
    let program: readonly [string, ...string[]];
    beforeAll(async () => {
      [server, program] = await Promise.all([startServer(), sample.program()]);
    });
    afterAll(() => server?.stop());

    const client = (mode: 'run' | 'follow', base: string, ...rest: string[]): ClientProgram =>
      startClient(program[0], [...program.slice(1), mode, base, PROJECT, server.key, ...rest]);

    test.for(CASES)('$title', async (expected) => {
      await using running = client('run', server.url, expected.command);
      expectPrinted(await running.end(), expected);
    });

    test('CM-3 CM-4 output is there while the command still runs, not at its end', async () => {
      await using gate = await makeGate();
      await using running = client('run', server.url, `echo early; ${gate.wait}; echo late`);
      await running.prints('[stdout] early\n');
      expect(running.printed).not.toContain('[stdout] late');
      await gate.open();
      expect(await running.end()).toContain('[stdout] late\nExit code: 0\n');
    });

    test('CM-5 CM-18 resumes behind a Last-Event-ID without loss or repetition', async () => {
      const id = await start(server, 'echo one; echo two; echo three; exit 4');
      const frames = await readAll(server, id);
      const one = frames.find((frame) => frame.event === 'output');
      await using running = client('follow', server.url, id, one?.id ?? '');
      const printed = await running.end();
      expect(printed).toMatch(/"reconnecting": ?true/);
      expect(printed).not.toContain('[stdout] one');
      expect(printed).toContain('[stdout] two\n[stdout] three\nExit code: 4\n');
    });

    test('CM-11 CM-12 hears the error of a lost command, then its complete', async () => {
      const lost = await loseCommand(server);
      await using running = client('follow', server.url, lost.id);
      expect(await running.end()).toMatch(/\[stdout\] \d+\nError: .+\nExit code: -1\n$/);
    });

    if (!sample.reconnects) return;

    test('CM-18 CM-19 connects again by itself after a drop', async () => {
      await using gate = await makeGate();
      await using proxy = await startCuttingProxy(server.port);
      await using running = client('run', proxy.url, `echo one; ${gate.wait}; echo two`);
      await running.prints('[stdout] one\n');
      proxy.cut();
      await proxy.resumed(1);
      await gate.open();
      const printed = await running.end();
      expect(printed).toContain('Connection error, reconnecting...\n');
      expect(printed).toMatch(/\[stdout\] two\nExit code: 0\n$/);
      expect(printed.match(/\[stdout\]/g)).toHaveLength(2);
      expect(printed).toMatch(/"reconnecting": ?true/);
    });

    test('CM-20 CM-30 stops for good where nothing follows complete', async () => {
      const id = await start(server, 'true');
      const complete = (await readAll(server, id)).at(-1);
      await using running = client('follow', server.url, id, complete?.id ?? '');
      expect(await running.end()).toContain('Connection closed: 204\n');
      await using unknown = client('follow', server.url, 'cmd-001');
      expect(await unknown.end()).toContain('Connection closed: 404\n');
    });
  });
}
