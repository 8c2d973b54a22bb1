import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { findBubblewrap } from '../support/optional.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { outputOf, startTerminal } from '../support/terminal.ts';

const { missing } = findBubblewrap();
let server: TestServer;

beforeAll(async () => {
  if (!missing) server = await startServer({ env: { PLAYHEAD_LAUNCHER: 'sandbox' } });
});
afterAll(() => (missing ? undefined : server.stop()));

describe.skipIf(missing)('a terminal in a sandbox', () => {
  test('D-14 D-19 what is typed, resizing, signals and the ending reach it', async () => {
    const terminal = await startTerminal(
      server,
      'trap "stty size" WINCH; trap "echo told; exit 5" USR1; stty size; echo ready; while :; do sleep 0.01; done',
      { columns: 90, rows: 30 },
    );
    expect(await terminal.shows('ready')).toContain('30 90');
    expect((await terminal.post('resize', { columns: 120, rows: 40 })).status).toBe(204);
    await terminal.shows('40 120');
    expect((await terminal.post('input', { data: 'typed' })).status).toBe(204);
    await terminal.shows('typed');
    expect((await terminal.post('signal', { name: 'SIGUSR1' })).status).toBe(204);
    const events = await terminal.ended();
    expect(outputOf(events).toString()).toContain('told');
    expect(events.at(-1)).toMatchObject({
      type: 'complete',
      data: { exit_code: 5, ending: { kind: 'exited' } },
    });
  });

  test('D-19 it has no other terminal: neither those of its neighbours nor the one that opens new ones outside', async () => {
    const neighbour = await startTerminal(server, 'echo ready; cat');
    await neighbour.shows('ready');
    const terminal = await startTerminal(
      server,
      [
        // A number of the host's would be a neighbour's; in here there are but those that were opened in here.
        'for n in $(seq 0 50); do (echo attack > /dev/pts/$n) 2>/dev/null && echo "wrote to $n"; done',
        'for p in /proc/[0-9]*; do ls -l $p/fd 2>/dev/null | grep -c ptmx; done | sort -u',
        'echo done',
      ].join('; '),
    );
    const shown = outputOf(await terminal.ended()).toString();
    expect(shown).toBe('0\r\ndone\r\n');
    await neighbour.post('input', { data: 'mine\n\x04' });
    expect(outputOf(await neighbour.ended()).toString()).toBe('ready\r\nmine\r\nmine\r\n');
  });

  test('D-19 text that is pushed into the terminal is typed inside, where the command is, and nowhere else', async () => {
    // TIOCSTI: types as if at the keyboard. Kernels may refuse it; what is typed is read by whoever is in here.
    const program =
      "import fcntl, sys, termios\nfor c in 'touch escaped\\n':\n  fcntl.ioctl(0, termios.TIOCSTI, c.encode())";
    const terminal = await startTerminal(
      server,
      `/usr/bin/python3 -c "$PROGRAM" 2>/dev/null; test -e /tmp/escaped && echo escaped; echo done`.replace(
        '$PROGRAM',
        program,
      ),
    );
    expect(outputOf(await terminal.ended()).toString()).toContain('done');
    const next = await startTerminal(server, 'ls; echo done');
    expect(outputOf(await next.ended()).toString()).toBe('done\r\n');
  });

  test('a terminal that is hung up ends all that ran in it', async () => {
    const terminal = await startTerminal(server, '(trap "" HUP; sleep 1000) & echo started; exit 3');
    const events = await terminal.ended();
    expect(outputOf(events).toString()).toBe('started\r\n');
    expect(events.at(-1)).toMatchObject({ type: 'complete', data: { exit_code: 3 } });
  });
});
