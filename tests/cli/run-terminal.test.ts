import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cli, startCli } from '../support/cli.ts';
import { post } from '../support/commands.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { makeGate } from '../support/gate.ts';
import { makeKey } from '../support/keys.ts';
import { nodeProgram, ROOT } from '../support/node-program.ts';
import { gone } from '../support/processes.ts';
import { type Envelope, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { outputOf, type TestTerminal, terminalOf } from '../support/terminal.ts';
import { until } from '../support/within.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

/** The terminals of the commands that run now. */
async function running(): Promise<TestTerminal[]> {
  const { data } = (await request(server, '/projects/my-project/commands')).json<
    Envelope<{ id: string; status: string }[]>
  >();
  return data.filter(({ status }) => status === 'running').map(({ id }) => terminalOf(server, id));
}

/** Waits until somebody has taken control of the one terminal that runs for the n-th time. */
async function controlled(times: number): Promise<void> {
  await until(async () => {
    const [terminal] = await running();
    const events = (await terminal?.events()) ?? [];
    const taken = events.filter(
      ({ type, data }) => type === 'control' && (data as { controller: unknown }).controller !== null,
    );
    return taken.length >= times;
  }, `control to be taken ${times} times`);
}

describe('exit codes', () => {
  test('CM-9 run -t exits with the code of the command', async () => {
    expect((await cli(server, ['run', '-t', 'true'])).code).toBe(0);
    expect((await cli(server, ['run', '-t', '--', 'sh', '-c', 'exit 7'])).code).toBe(7);
    expect((await cli(server, ['run', '-t', '-c', 'kill -9 $$'])).code).toBe(137);
    const expired = await cli(server, ['run', '-t', '--timeout', '200ms', 'sleep', '100']);
    expect([expired.code, expired.stderr.includes('longer than it may')]).toEqual([124, true]);
  });

  test('what the server refuses is 125, also where only watching is refused', async () => {
    expect((await cli(server, ['run', '-t', '--project', 'nowhere', 'true'])).code).toBe(125);
    const key = await makeKey(server, { scopes: ['projects:execute', 'projects:read'] });
    const end = await cli(server, ['run', '-t', 'true'], { env: { PLAYHEAD_API_KEY: key } });
    expect([end.code, end.stderr.includes('streams:read')]).toEqual([125, true]);
  });
});

describe('without a terminal here', () => {
  test('D-14 P-131 the command has a terminal of 80 × 24, and nothing but what it shows comes out', async () => {
    const end = await cli(server, ['run', '-t', '-c', 'stty size; test -t 0 && printf "ü€😀\\n" >&2']);
    expect(end).toEqual({ code: 0, stdout: '24 80\r\nü€😀\r\n', stderr: '' });
  });

  test('P-132 a megabyte comes whole and in order', async () => {
    const end = await cli(server, ['run', '-t', 'seq', '1', '150000']);
    expect(end.stdout).toBe(Array.from({ length: 150_000 }, (_, i) => `${i + 1}\r\n`).join(''));
  });

  test('P-138 what is piped in is typed, and its end is Ctrl-D', async () => {
    const end = await cli(server, ['run', '-t', '-c', 'stty -echo; echo ready; cat; echo end'], {
      input: 'one\ntwo\n',
    });
    expect(end.code).toBe(0);
    expect(end.stdout).toContain('one\r\ntwo\r\nend\r\n');
    const open = await cli(server, ['run', '-t', '-c', 'cat > /dev/null; echo end'], {
      input: 'no line end',
    });
    expect([open.code, open.stdout.endsWith('end\r\n')]).toEqual([0, true]);
  });

  test('P-138 what is typed is echoed by the terminal, and Ctrl-C is a byte', async () => {
    using child = startCli(server, [
      'run',
      '-t',
      '-c',
      'read -r line; echo "<$line>"; trap "echo caught; exit 9" INT; echo ready; while :; do sleep 0.02; done',
    ]);
    child.write('grüße\r');
    await child.says('ready');
    child.write('\x03');
    const end = await child.end;
    expect(end.code).toBe(9);
    expect(end.stdout).toContain('grüße\r\n<grüße>\r\nready');
    expect(end.stdout).toContain('caught');
  });

  test('F14 a signal from elsewhere stops the command', async () => {
    using child = startCli(server, ['run', '-t', '-c', 'echo "pid=$$;"; exec sleep 100']);
    await child.says(';');
    child.child.kill('SIGTERM');
    expect((await child.end).code).toBeGreaterThan(128);
    await gone(Number(/pid=(\d+)/.exec(child.stdout)?.[1]));
  });
});

describe('a server that vanishes', () => {
  test('CM-18 a cut connection is resumed: nothing missing, nothing twice, and it types again', async () => {
    await using gate = await makeGate();
    await using proxy = await startCuttingProxy(server.port);
    const program = `stty -echo; seq 1 500; ${gate.wait}; seq 501 1000; read -r x; echo "<$x>"`;
    using child = startCli(server, ['run', '-t', '-c', program], { env: { PLAYHEAD_URL: proxy.url } });
    await child.says('\n500\r\n');
    await controlled(1);
    proxy.cut();
    await controlled(2);
    proxy.cut();
    await controlled(3);
    await gate.open();
    await child.says('\n1000\r\n');
    child.write('again\r');
    const end = await child.end;
    expect(end.code).toBe(0);
    const numbers = Array.from({ length: 1000 }, (_, i) => `${i + 1}\r\n`).join('');
    expect(end.stdout).toBe(`${numbers}<again>\r\n`);
  });

  test('F5 a server that is killed in mid-run and started again: lost, 125', async () => {
    using child = startCli(server, ['run', '-t', '-c', 'echo one; exec sleep 100']);
    await child.says('one');
    await server.kill('SIGKILL');
    await server.restart();
    const end = await child.end;
    expect([end.code, end.stdout]).toEqual([125, 'one\r\n']);
    expect(end.stderr).toContain('the command is lost: the server was killed while it ran');
  });

  test('a server that stays away is given up', async () => {
    await using brief = await startServer();
    using child = startCli(brief, ['run', '-t', '--retry-for', '500ms', '-c', 'echo one; exec sleep 100']);
    await child.says('one');
    await brief.kill('SIGKILL');
    const end = await child.end;
    expect([end.code, end.stderr.includes('was not there for')]).toEqual([125, true]);
    await brief.restart();
  });
});

/** `run -t` of a line inside a real terminal, which is one of the server's own; the shell around it tells how. */
async function nested(line: string, on: TestServer = server): Promise<TestTerminal> {
  const answer = await post(
    server,
    `stty -g; sh -c 'echo "playhead=$$;"; PLAYHEAD_URL=$AT PLAYHEAD_API_KEY=$SECRET exec "$NODE" "$CLI" run -t -c "$LINE"'; echo "code=$?"; stty -g`,
    {
      body: {
        pty: { columns: 91, rows: 33 },
        env: {
          NODE: nodeProgram(),
          CLI: `${ROOT}packages/server/bin/playhead.js`,
          LINE: line,
          AT: on.url,
          SECRET: on.key,
        },
      },
    },
  );
  return terminalOf(server, answer.json<Envelope<{ id: string }>>().data.id);
}

/** What `stty -g` said before and after, and the code between. */
async function told(terminal: TestTerminal): Promise<{ before: string; after: string; code: string }> {
  const shown = outputOf(await terminal.ended()).toString();
  const [before = '', after = ''] = shown.match(/^[0-9a-f]+(?::[0-9a-f]+)+/gm) ?? [];
  expect(before).not.toBe('');
  return { before, after, code: /code=(\d+)/.exec(shown)?.[1] ?? shown };
}

describe('in a real terminal', () => {
  test('D-14 raw while it runs: its size, every key, no change of what is drawn; restored at the end', async () => {
    const program =
      'stty size; stty raw -echo; printf "a\\nb"; head -c 3 | od -An -tx1; trap "stty size" WINCH; ' +
      'echo ready; while [ "$(stty size)" != "20 70" ]; do sleep 0.02; done; echo resized; exit 6';
    const terminal = await nested(program);
    // LF alone stays LF: were the terminal here not raw on its way out, CR would come with it.
    await terminal.shows('a\nb');
    await terminal.post('input', { data: '\x03\x1a\x1c' });
    expect(await terminal.shows('ready')).toContain('03 1a 1c');
    await terminal.post('resize', { columns: 70, rows: 20 });
    expect(await terminal.shows('resized')).toContain('33 91\r\n');
    const { before, after, code } = await told(terminal);
    expect([after, code]).toEqual([before, '6']);
  });

  test('it is restored when the server is lost, and Ctrl-C leaves meanwhile', async () => {
    await using away = await startServer();
    const terminal = await nested('echo ready; exec sleep 100', away);
    await terminal.shows('ready');
    await away.kill('SIGKILL');
    await terminal.shows('Ctrl-C leaves');
    await terminal.post('input', { data: '\x03' });
    const { before, after, code } = await told(terminal);
    expect([after, code]).toEqual([before, '130']);
    await away.restart();
  });

  test('it is restored when a signal ends it', async () => {
    const terminal = await nested("trap 'exit 5' TERM HUP; echo ready; while :; do sleep 0.02; done");
    const shown = await terminal.shows('ready');
    process.kill(Number(/playhead=(\d+);/.exec(shown)?.[1]), 'SIGTERM');
    const { before, after, code } = await told(terminal);
    expect([after, code]).toEqual([before, '5']);
  });
});
