import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bareCli, cli, startCli } from '../support/cli.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { makeGate } from '../support/gate.ts';
import { makeKey } from '../support/keys.ts';
import { nodeProgram, ROOT } from '../support/node-program.ts';
import { gone } from '../support/processes.ts';
import { request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/within.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

/** The one command that a project shows as running. */
async function running(): Promise<number> {
  const answer = await request(server, '/projects/my-project/commands');
  return answer.json<{ data: { status: string }[] }>().data.filter(({ status }) => status === 'running')
    .length;
}

describe('exit codes', () => {
  test('CM-9 run exits with the code of the command', async () => {
    expect((await cli(server, ['run', 'true'])).code).toBe(0);
    expect((await cli(server, ['run', '--', 'sh', '-c', 'exit 7'])).code).toBe(7);
    expect((await cli(server, ['run', '-c', 'exit 255'])).code).toBe(255);
    expect((await cli(server, ['run', 'no-such-program'])).code).toBe(127);
  });

  test('D-11 a command that a signal ended is 128 + n', async () => {
    expect((await cli(server, ['run', '-c', 'kill -9 $$'])).code).toBe(137);
    expect((await cli(server, ['run', '-c', 'kill -SEGV $$'])).code).toBe(139);
  });

  test('D-11 a time limit that ran out is 124, and said', async () => {
    const end = await cli(server, ['run', '--timeout', '200ms', 'sleep', '100']);
    expect(end.code).toBe(124);
    expect(end.stderr).toContain('longer than it may');
  });

  test('what the server refuses is 125, so that nobody takes it for the command', async () => {
    const unknown = await cli(server, ['run', '--project', 'nowhere', 'true']);
    expect(unknown.code).toBe(125);
    expect(unknown.stderr).toContain('playhead: ');
    const key = await makeKey(server, { scopes: ['projects:read'] });
    expect((await cli(server, ['run', 'true'], { env: { PLAYHEAD_API_KEY: key } })).code).toBe(125);
    const away = await cli(server, ['run', 'true'], { env: { PLAYHEAD_URL: 'http://127.0.0.1:9' } });
    expect(away.code).toBe(125);
    expect(away.stderr).toContain('cannot be reached');
  });

  test('a wrong call is 2, and nothing is run', async () => {
    for (const args of [['run'], ['run', '-c', 'true', 'true'], ['run', '--projekt', 'x', 'true']]) {
      expect([args, (await cli(server, args)).code]).toEqual([args, 2]);
    }
    const { stderr } = await cli(server, ['run', '--projekt', 'x', 'true']);
    expect(stderr).toContain('Did you mean --project?');
    const bad = await cli(server, ['run', '--timeout', 'soon', 'true']);
    expect([bad.code, bad.stderr.includes('--timeout is a duration')]).toEqual([2, true]);
  });
});

describe('output', () => {
  test('CM-7 stdout comes on stdout and stderr on stderr, and nothing else does when nobody watches', async () => {
    const end = await cli(server, ['run', '-c', 'echo out; echo err >&2; echo ü€😀']);
    expect(end).toEqual({ code: 0, stdout: 'out\nü€😀\n', stderr: 'err\n' });
  });

  test('arguments reach the command as they are, whatever they hold', async () => {
    const odd = ['a b', "it's", '$HOME', '*', '"x"', '', '--flag', '-o', 'a;b|c'];
    const end = await cli(server, ['run', 'printf', '[%s]\\n', ...odd]);
    expect(end.stdout).toBe(odd.map((each) => `[${each}]\n`).join(''));
    const env = await cli(server, ['run', '-e', 'GREETING=good day', '-c', 'echo "$GREETING"']);
    expect(env.stdout).toBe('good day\n');
  });

  test('a line over the limit comes out as the one line that it was', async () => {
    const end = await cli(server, ['run', '-c', 'head -c 200000 /dev/zero | tr "\\0" x; echo; echo end']);
    expect(end.stdout).toBe(`${'x'.repeat(200_000)}\nend\n`);
  });

  test('a hundred thousand lines come whole and in order', async () => {
    const end = await cli(server, ['run', 'seq', '1', '100000']);
    expect(end.stdout).toBe(Array.from({ length: 100_000 }, (_, i) => `${i + 1}\n`).join(''));
  });

  test('--detach prints the stream, which tail shows', async () => {
    const { code, stdout } = await cli(server, ['run', '--detach', 'echo', 'later']);
    expect([code, /^commands\/cmd_\w+\n$/.test(stdout)]).toEqual([0, true]);
    expect((await cli(server, ['tail', stdout.trim()])).stdout).toContain(
      '{"line":"later","stream":"stdout"}',
    );
  });

  test('a reader of the output that goes away stops the command, as in a pipe', async () => {
    const program = `${nodeProgram()} ${ROOT}packages/server/bin/playhead.js run -c 'echo $$; exec yes'`;
    const env = { PATH: process.env['PATH'] ?? '', PLAYHEAD_URL: server.url, PLAYHEAD_API_KEY: server.key };
    const shell = spawn('bash', ['-c', `${program} | head -1; exit \${PIPESTATUS[0]}`], { env });
    let text = '';
    shell.stdout.setEncoding('utf8').on('data', (piece: string) => (text += piece));
    const code = await new Promise((resolve) => shell.on('close', resolve));
    expect(code).toBe(141);
    await gone(Number(text));
  });
});

describe('signals', () => {
  test('F14 Ctrl-C stops the command, and its code is what comes out', async () => {
    using child = startCli(server, ['run', '-c', 'echo $$; exec sleep 100']);
    await child.says('\n');
    child.child.kill('SIGINT');
    expect((await child.end).code).toBe(143);
    await gone(Number(child.stdout));
  });

  test('F14 a command that handles the stop has the last word', async () => {
    using child = startCli(server, [
      'run',
      '-c',
      "trap 'echo bye; exit 5' TERM; echo ready; while :; do sleep 0.02; done",
    ]);
    await child.says('ready');
    child.child.kill('SIGTERM');
    expect(await child.end).toMatchObject({ code: 5, stdout: 'ready\nbye\n' });
  });

  test('F14 a second Ctrl-C leaves', async () => {
    // Nobody is left to end this command when the test has ended: the gate does.
    await using gate = await makeGate();
    await using quiet = await startServer({ env: { PLAYHEAD_COMMAND_GRACE_MS: '600000' } });
    using child = startCli(quiet, ['run', '-c', `trap 'echo refused' TERM; echo ready; ${gate.wait}`]);
    await child.says('ready');
    child.child.kill('SIGINT');
    await child.says('refused');
    child.child.kill('SIGINT');
    expect((await child.end).code).toBe(130);
    await quiet.kill('SIGKILL');
  });
});

describe('a server that vanishes', () => {
  test('CM-18 a dropped connection is resumed, with nothing missing and nothing twice', async () => {
    await using gate = await makeGate();
    await using proxy = await startCuttingProxy(server.port);
    using child = startCli(server, ['run', '-c', `seq 1 500; ${gate.wait}; seq 501 1000`], {
      env: { PLAYHEAD_URL: proxy.url },
    });
    await child.says('\n500\n');
    proxy.cut();
    await proxy.resumed(1);
    proxy.cut();
    await proxy.resumed(2);
    await gate.open();
    const end = await child.end;
    expect(end.code).toBe(0);
    expect(end.stdout).toBe(Array.from({ length: 1000 }, (_, i) => `${i + 1}\n`).join(''));
  });

  test('F5 a server that is killed in mid-run and started again: lost, 125, and nothing is invented', async () => {
    using child = startCli(server, ['run', '-c', 'echo one; exec sleep 100']);
    await child.says('one');
    await server.kill('SIGKILL');
    await server.restart();
    const end = await child.end;
    expect(end.code).toBe(125);
    expect(end.stdout).toBe('one\n');
    expect(end.stderr).toContain('the command is lost: the server was killed while it ran');
  });

  test('F14 a server that is shut down in mid-run stops the command, and run says so', async () => {
    using child = startCli(server, ['run', '-c', 'echo one; exec sleep 100']);
    await child.says('one');
    await server.kill('SIGTERM');
    await server.restart();
    const end = await child.end;
    expect(end.code).toBe(143);
    expect(end.stderr).toContain('the server was shut down');
  });

  test('a stop that was asked for while the server was away is asked for again', async () => {
    await using proxy = await startCuttingProxy(server.port);
    using child = startCli(server, ['run', '-c', 'echo $$; exec sleep 100'], {
      env: { PLAYHEAD_URL: proxy.url },
    });
    await child.says('\n');
    proxy.cut();
    child.child.kill('SIGINT');
    expect((await child.end).code).toBe(143);
    await until(async () => (await running()) === 0, 'the command to end');
  });

  test('a server that stays away is given up, with what to do', async () => {
    await using brief = await startServer();
    using child = startCli(brief, ['run', '--retry-for', '500ms', '-c', 'echo one; exec sleep 100']);
    await child.says('one');
    await brief.kill('SIGKILL');
    const end = await child.end;
    expect(end.code).toBe(125);
    expect(end.stderr).toMatch(/was not there for .*\n.*last position was 0\S+-a2/s);
    await brief.restart();
  });
});

test('run takes the key of a server on this machine from its data folder, and never sends it elsewhere', async () => {
  await using local = await startServer({ without: ['PLAYHEAD_API_KEY'] });
  const env = { PLAYHEAD_URL: local.url, PLAYHEAD_DATA: local.dataFolder };
  expect(await bareCli(['run', 'echo', 'hi'], { env })).toEqual({ code: 0, stdout: 'hi\n', stderr: '' });
  const flagged = await bareCli(['run', '--url', local.url, '--data-folder', local.dataFolder, 'true']);
  expect(flagged.code).toBe(0);
  const elsewhere = await bareCli(['tail', 'a/b', '--url', 'http://playhead.example'], { env });
  expect(elsewhere.code).toBe(4);
  expect(elsewhere.stderr).toContain('PLAYHEAD_API_KEY');
});
