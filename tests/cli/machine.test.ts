import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bareCli } from '../support/cli.ts';
import { listenOnLoopback } from '../support/loopback.ts';

const COMMANDS = [
  'serve',
  'run',
  'tail',
  'append',
  'create',
  'keys',
  'projects',
  'tickets',
  'verify',
  'doctor',
  'completion',
];

describe('help', () => {
  test('lists every command, and every command explains itself with examples and exit codes', async () => {
    const overview = await bareCli(['help']);
    expect(overview).toMatchObject({ code: 0, stderr: '' });
    for (const name of COMMANDS) {
      expect(overview.stdout).toContain(`\n  ${name} `);
      const { code, stdout } = await bareCli([name, '--help']);
      expect([name, code]).toEqual([name, 0]);
      for (const part of [`playhead ${name}`, 'Examples:', 'Exit codes:']) expect(stdout).toContain(part);
    }
    expect((await bareCli(['help', 'run'])).stdout).toBe((await bareCli(['run', '--help'])).stdout);
  });

  test('a wrong call is 2, on stderr alone, and names what was meant', async () => {
    expect((await bareCli([])).code).toBe(2);
    const command = await bareCli(['tial']);
    expect(command).toMatchObject({ code: 2, stdout: '' });
    expect(command.stderr).toContain('Did you mean tail?');
    const flag = await bareCli(['doctor', '--data-foldr', '/x']);
    expect([flag.code, flag.stderr.includes('Did you mean --data-folder?')]).toEqual([2, true]);
    expect((await bareCli(['doctor', '-o', 'xml'])).stderr).toContain(
      '--output is one of text, json, not xml',
    );
    const url = await bareCli(['tail', 'a/b', '--url', 'ftp://x']);
    expect([url.code, url.stderr.includes('is not the address of a server')]).toEqual([2, true]);
  });

  test('version is one line', async () => {
    expect((await bareCli(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe('completion', () => {
  test('bash can read it, and it completes commands, flags and words', async () => {
    const { code, stdout } = await bareCli(['completion', 'bash']);
    expect(code).toBe(0);
    expect(spawnSync('bash', ['-n'], { input: stdout }).status).toBe(0);
    const complete = (...words: string[]): string =>
      spawnSync(
        'bash',
        [
          '-c',
          `${stdout}\nCOMP_WORDS=(playhead ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _playhead; echo "\${COMPREPLY[*]}"`,
        ],
        {
          encoding: 'utf8',
        },
      ).stdout.trim();
    expect(complete('ta')).toBe('tail');
    expect(complete('tail', '--si')).toBe('--since');
    expect(complete('keys', 'cr')).toBe('create');
    expect(complete('serve', '--heart')).toBe('--heartbeat-ms');
    expect(complete('serve', '--api')).toBe('');
  });

  test('zsh and fish get theirs, with every quote closed', async () => {
    for (const shell of ['zsh', 'fish']) {
      const { code, stdout } = await bareCli(['completion', shell]);
      expect(code).toBe(0);
      for (const line of stdout.split('\n'))
        expect([line, (line.match(/'/g) ?? []).length % 2]).toEqual([line, 0]);
      for (const name of COMMANDS) expect(stdout).toContain(name);
      // Where the shell itself is there, it has the say.
      const parsed = spawnSync(shell, ['-n', '/dev/stdin'], { input: stdout });
      if (parsed.error === undefined) expect(parsed.status).toBe(0);
    }
    expect((await bareCli(['completion'])).code).toBe(2);
    expect((await bareCli(['completion', 'tcsh'])).code).toBe(2);
  });
});

describe('doctor', () => {
  test('names what it looked at, and leaves nothing behind', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'playhead-doctor-'));
    const end = await bareCli(['doctor', '--data-folder', join(folder, 'data'), '--port', '0', '-o', 'json']);
    const found = end.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { what: string; state: string; remedy?: string });
    expect(found.map(({ what }) => what)).toEqual([
      'node',
      'data folder',
      'disk',
      'port',
      'terminals',
      'bwrap',
      'browser',
      'its sandbox',
      'video',
      'models',
      'git',
    ]);
    for (const { state, remedy } of found)
      expect([state, remedy === undefined]).toEqual([state, state === 'ok']);
    expect(end.code).toBe(0);
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  test('a port that is taken and a folder that cannot be written are 1, with what to do', async () => {
    const { port, close } = await listenOnLoopback(createServer());
    const taken = await bareCli(['doctor', '--port', String(port), '--data-folder', tmpdir()]);
    await close();
    expect(taken.code).toBe(1);
    expect(taken.stdout).toMatch(/MISSING {2}port .*EADDRINUSE.*\n.*--port/);
    const unwritable = await bareCli(['doctor', '--port', '0', '--data-folder', '/proc/playhead']);
    expect(unwritable.code).toBe(1);
    expect(unwritable.stdout).toMatch(/MISSING {2}data folder/);
    expect((await bareCli(['doctor', '--port', 'x'])).code).toBe(2);
  });

  test('what is only useful is absent, not missing', async () => {
    const end = await bareCli(['doctor', '--port', '0', '--data-folder', tmpdir()], { env: { PATH: '' } });
    expect(end.code).toBe(0);
    expect(end.stdout).toMatch(/absent {3}bwrap .*\n.*bubblewrap/);
  });
});
