import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bareCli, cli, startCli } from '../support/cli.ts';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { makeKey } from '../support/keys.ts';
import { type Envelope, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/within.ts';

let server: TestServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server?.stop());

let made = 0;
async function stream(events: readonly unknown[] = []): Promise<string> {
  const name = `notes/s${++made}`;
  expect((await cli(server, ['create', name])).code).toBe(0);
  if (events.length > 0) {
    const body = { events: events.map((data) => ({ type: 'note', data })) };
    await request(server, `/v1/streams/${name}`, { method: 'POST', body });
  }
  return name;
}

const rows = (text: string): Record<string, unknown>[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
const datas = (text: string): unknown[] => rows(text).map(({ data }) => data);

describe('append and create', () => {
  test('P-58 create makes a stream and does so again without harm', async () => {
    const first = await cli(server, ['create', 'notes/again']);
    const second = await cli(server, ['create', 'notes/again']);
    expect([first.code, second.code]).toEqual([0, 0]);
    expect(second.stdout).toBe(first.stdout);
    // What is there is not what was asked for.
    const other = await cli(server, ['create', 'notes/again', '--ttl', '1h']);
    expect([other.code, other.stderr]).toEqual([1, expect.stringContaining('playhead head notes/again')]);
    expect((await cli(server, ['create', 'notes/a b'])).code).toBe(2);
    const producers = await cli(server, ['create', 'commands/mine']);
    expect([producers.code, producers.stderr]).toEqual([1, expect.stringContaining('commands/')]);
  });

  test('P-58 append prints the position that was committed', async () => {
    const name = await stream();
    const one = await cli(server, ['append', name, '{"n": 1}']);
    expect(one.stdout).toMatch(/^\w{16}-a1\n$/);
    expect((await cli(server, ['append', '--text', '--type', 'line', name, 'not json'])).code).toBe(0);
    const shown = rows((await cli(server, ['tail', name, '--no-follow', '-o', 'json'])).stdout);
    expect(shown.map(({ type, data }) => [type, data])).toEqual([
      ['message', { n: 1 }],
      ['line', 'not json'],
    ]);
  });

  test('append takes thousands of lines from stdin, in order, and says nothing but the position', async () => {
    const name = await stream();
    const lines = Array.from({ length: 5000 }, (_, i) => `{"i":${i}}\n`).join('');
    const end = await cli(server, ['append', name, '--type', 'n'], { input: lines });
    expect(end).toMatchObject({ code: 0, stderr: '' });
    expect(end.stdout).toMatch(/-d5000\n$/);
    const all = datas((await cli(server, ['tail', name, '--no-follow', '-o', 'json'])).stdout);
    expect(all).toEqual(Array.from({ length: 5000 }, (_, i) => ({ i })));
  });

  test('append does not hold back a slow source', async () => {
    const name = await stream();
    using reader = startCli(server, ['tail', name, '-o', 'json']);
    using writer = startCli(server, ['append', name, '--text']);
    writer.write('first\n');
    await reader.says('"first"');
    writer.write('second\n');
    await reader.says('"second"');
  });

  test('what tail writes, append takes', async () => {
    const [from, to] = [await stream([1, 'zwei', { drei: [3.5e300, null] }]), await stream()];
    const saved = await cli(server, ['tail', from, '--no-follow', '-o', 'json']);
    expect((await cli(server, ['append', to], { input: saved.stdout })).code).toBe(0);
    const copied = await cli(server, ['tail', to, '--no-follow', '-o', 'json']);
    expect(datas(copied.stdout)).toEqual(datas(saved.stdout));
  });

  test('append says how far it came when a line is no event', async () => {
    const name = await stream();
    const end = await cli(server, ['append', name], { input: '{"type":"a","data":1}\nnonsense\n' });
    expect(end.code).toBe(1);
    expect(end.stderr).toContain('Line 2 is not JSON');
    const data = await cli(server, ['append', name, 'nonsense']);
    expect([data.code, data.stderr.includes('--text')]).toEqual([2, true]);
    expect((await cli(server, ['append', 'notes/none', '1'])).stderr).toContain('create it first');
  });
});

describe('tail', () => {
  test('P-53 tail shows what is there, then what comes, and resumes a dropped connection exactly', async () => {
    const name = await stream([0, 1, 2]);
    await using proxy = await startCuttingProxy(server.port);
    using reader = startCli(server, ['tail', name, '-o', 'json'], { env: { PLAYHEAD_URL: proxy.url } });
    await reader.says('"data":2}');
    for (let i = 3; i < 6; i++) {
      proxy.cut();
      await request(server, `/v1/streams/${name}`, { method: 'POST', body: { type: 'note', data: i } });
      await reader.says(`"data":${i}}`);
    }
    reader.child.kill('SIGINT');
    const end = await reader.end;
    expect(end.code).toBe(0);
    expect(datas(end.stdout)).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test('P-53 tail survives a server that is killed and started again', async () => {
    const name = await stream(['before']);
    using reader = startCli(server, ['tail', name, '-o', 'json', '--after', 'live']);
    // It does not say when it has begun to listen: it has once something comes out.
    await until(async () => {
      await request(server, `/v1/streams/${name}`, { method: 'POST', body: { type: 'note', data: 'live' } });
      return reader.stdout !== '';
    }, 'the first live event');
    await server.kill('SIGKILL');
    await server.restart();
    await request(server, `/v1/streams/${name}`, { method: 'POST', body: { type: 'note', data: 'after' } });
    await reader.says('"after"');
    expect(datas(reader.stdout)).not.toContain('before');
    expect(datas(reader.stdout).at(-1)).toBe('after');
  });

  test('P-8 --after begins behind a position, --no-follow ends at the newest event', async () => {
    const name = await stream(['a', 'b', 'c']);
    const all = rows((await cli(server, ['tail', name, '--no-follow', '-o', 'json'])).stdout);
    const rest = await cli(server, [
      'tail',
      name,
      '--no-follow',
      '-o',
      'json',
      '--after',
      String(all[0]?.['position']),
    ]);
    expect(datas(rest.stdout)).toEqual(['b', 'c']);
    const none = await cli(server, ['tail', name, '--no-follow', '--after', 'live']);
    expect(none).toEqual({ code: 0, stdout: '', stderr: '' });
    expect((await cli(server, ['tail', await stream(), '--no-follow'])).stdout).toBe('');
  });

  test('--since begins at a time', async () => {
    const name = await stream(['old']);
    const [old] = rows((await cli(server, ['tail', name, '--no-follow', '-o', 'json'])).stdout);
    const later = new Date(Date.parse(String(old?.['time'])) + 1).toISOString();
    expect((await cli(server, ['tail', name, '--no-follow', '--since', later])).stdout).toBe('');
    expect((await cli(server, ['tail', name, '--no-follow', '--since', '1h'])).stdout).toContain('"old"');
    expect((await cli(server, ['tail', name, '--since', 'soon'])).code).toBe(2);
    expect((await cli(server, ['tail', name, '--since', '1h', '--after', 'start'])).code).toBe(2);
  });

  test('P-30 an event is one line, also for readers that end lines elsewhere', async () => {
    const name = await stream();
    const body = '{"type":"n","data":{"a":"\u2028"}}';
    await request(server, `/v1/streams/${name}`, { method: 'POST', body });
    const { stdout } = await cli(server, ['tail', name, '--no-follow', '-o', 'json']);
    expect(stdout.split('\n').length).toBe(2);
    expect(datas(stdout)).toEqual([{ a: '\u2028' }]);
  });

  test('a finished stream ends the tail by itself', async () => {
    const { stdout } = await cli(server, ['run', '--detach', 'echo', 'x']);
    const end = await cli(server, ['tail', stdout.trim()]);
    expect(end.code).toBe(0);
    expect(end.stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} started .*\n.* output .*\n.* complete .*\n$/);
    expect(end.stderr).toBe('');
  });

  test('a stream that is not there, a wrong position and a wrong key are errors of their own', async () => {
    const missing = await cli(server, ['tail', 'notes/none']);
    expect([missing.code, missing.stderr.includes('no such stream')]).toEqual([1, true]);
    expect((await cli(server, ['tail', 'notes/s1', '--after', 'x'])).code).toBe(2);
    const wrong = await cli(server, ['tail', 'notes/s1'], { env: { PLAYHEAD_API_KEY: 'rdev_wrong_key' } });
    expect([wrong.code, wrong.stderr.includes('PLAYHEAD_API_KEY')]).toEqual([4, true]);
    const key = await makeKey(server, { scopes: ['projects:read'] });
    expect((await cli(server, ['tail', 'notes/s1'], { env: { PLAYHEAD_API_KEY: key } })).code).toBe(4);
    const away = await bareCli(['tail', 'a/b'], {
      env: { PLAYHEAD_URL: 'http://127.0.0.1:9', PLAYHEAD_API_KEY: 'rdev_any_key' },
    });
    expect([away.code, away.stderr.includes('playhead serve')]).toEqual([3, true]);
  });
});

describe('keys, projects and tickets', () => {
  test('D-38 keys are made, listed and revoked; the key alone is on stdout', async () => {
    const key = (await cli(server, ['keys', 'create', 'ci', '-s', 'streams:read', '--expires', '30d']))
      .stdout;
    expect(key).toMatch(/^rdev_\w{32}\n$/);
    const listed = rows((await cli(server, ['keys', 'list', '-o', 'json'])).stdout);
    const found = listed.find(({ name }) => name === 'ci');
    expect(found).toMatchObject({ scopes: ['streams:read'] });
    expect(JSON.stringify(listed)).not.toContain(key.trim());
    expect((await cli(server, ['keys', 'delete', String(found?.['id'])])).code).toBe(0);
    expect((await cli(server, ['keys', 'delete', String(found?.['id'])])).code).toBe(1);
    const strong = await cli(server, ['keys', 'create', 'x', '-s', 'projects:execute']);
    expect(strong.stderr).toContain('as powerful as an admin');
    expect((await cli(server, ['keys', 'create', 'x'])).code).toBe(2);
    expect((await cli(server, ['keys', 'rotate'])).code).toBe(2);
  });

  test('projects are made and listed, and run runs in them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'playhead-cli-'));
    const created = await cli(server, [
      'projects',
      'create',
      'site',
      '--root',
      folder,
      '-e',
      'A=b',
      '-o',
      'json',
    ]);
    expect(rows(created.stdout)[0]).toMatchObject({ id: 'site', root: folder, env: ['A'] });
    expect((await cli(server, ['projects'])).stdout).toMatch(/^ID +ROOT[^]*my-project[^]*site/);
    expect((await cli(server, ['run', '-p', 'site', 'pwd'])).stdout).toBe(`${folder}\n`);
    expect((await cli(server, ['projects', 'create', 'site'])).code).toBe(1);
    await rm(folder, { recursive: true });
  });

  test('D-17 a ticket reads the stream that it is for, and only that', async () => {
    const [name, other] = [await stream(['here']), await stream(['there'])];
    const ticket = (await cli(server, ['tickets', name])).stdout.trim();
    const read = (path: string) => request(server, `/v1/streams/${path}?ticket=${ticket}`, { key: null });
    expect((await read(name)).text).toContain('here');
    expect((await read(other)).status).toBe(403);
    const [json] = rows((await cli(server, ['tickets', '-o', 'json'])).stdout);
    expect(json).toMatchObject({ ticket: expect.any(String), expires_at: expect.any(String) });
    expect((await cli(server, ['tickets', 'notes/none'])).code).toBe(1);
    expect((await cli(server, ['tickets', '--console', name])).code).toBe(2);
  });

  test('D-17 tickets --console prints a link that signs in once', async () => {
    const link = new URL((await cli(server, ['tickets', '--console'])).stdout.trim());
    expect(`${link.origin}${link.pathname}${link.search}`).toBe(`${server.url}/console/`);
    const body = { ticket: link.hash.slice('#ticket='.length) };
    const signIn = () => request(server, '/console/session', { method: 'POST', key: null, body });
    expect((await signIn()).json<Envelope<unknown>>()).toMatchObject({ signed_in: true });
    expect((await signIn()).status).toBe(401);
  });
});
