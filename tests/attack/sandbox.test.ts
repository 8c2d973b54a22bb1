import { randomBytes } from 'node:crypto';
import { existsSync, realpathSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, realpath, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { homedir, tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { completeOf, lines, outputs, readAll, run, start, type StartOptions } from '../support/commands.ts';
import { makeKey } from '../support/keys.ts';
import { findBubblewrap, findGo } from '../support/optional.ts';
import { runs } from '../support/processes.ts';
import { makeProject } from '../support/projects.ts';
import { type Envelope, request } from '../support/request.ts';
import { startServer, type TestServer } from '../support/server.ts';
import { until } from '../support/within.ts';

const { missing } = findBubblewrap();
const go = findGo();
const goRoot = go.missing ? '' : dirname(dirname(realpathSync(go.path)));
const NODE = realpathSync(process.execPath);
/** The npm that comes with some Node of this machine. */
const NPM = realpathSync(
  (process.env['PATH'] ?? '')
    .split(delimiter)
    .map((folder) => join(folder, 'npm'))
    .find((path) => existsSync(path)) ?? NODE,
);

let server: TestServer;
/** A folder of the host beside the server's: what is in it is nobody's business inside. */
let outside: string;
let root: string;
let project: string;
let inbox: Server;
let visits = 0;

const SECRET = `secret-${randomBytes(8).toString('hex')}`;

beforeAll(async () => {
  if (missing) return;
  server = await startServer({
    env: {
      PLAYHEAD_LAUNCHER: 'sandbox',
      PLAYHEAD_SANDBOX_MEMORY_BYTES: '256MiB',
      PLAYHEAD_SANDBOX_PROCESSES: '64',
      PLAYHEAD_SANDBOX_FILE_BYTES: '8MiB',
      PLAYHEAD_SANDBOX_PATHS: [dirname(NODE), dirname(dirname(NPM))].join(','),
      PLAYHEAD_COMMAND_OUTPUT_LIMIT: '1MiB',
    },
  });
  outside = await realpath(await mkdtemp(join(tmpdir(), 'playhead-outside-')));
  await writeFile(join(outside, 'secret'), SECRET);
  root = join(outside, 'project');
  await mkdir(root);
  project = await makeProject(server, { root });
  inbox = createServer((socket) => {
    visits++;
    socket.destroy();
  });
  await new Promise<void>((resolve) => inbox.listen(join(outside, 'agent.sock'), resolve));
});
afterAll(async () => {
  if (missing) return;
  inbox.close();
  await server.stop();
  await rm(outside, { recursive: true, force: true });
});

interface Attempt {
  readonly code: number;
  readonly out: string[];
  readonly err: string[];
}

async function attempt(command: string, options: StartOptions = {}): Promise<Attempt> {
  const frames = await run(server, command, { project, ...options });
  return { code: completeOf(frames).exit_code, out: lines(frames, 'stdout'), err: lines(frames, 'stderr') };
}

/** Runs a Python program; it is on every machine that has the rest of what this file needs. */
function python(program: string): Promise<Attempt> {
  return attempt(`/usr/bin/python3 - <<'PROGRAM'\n${program}\nPROGRAM`);
}

async function healthy(): Promise<boolean> {
  return (await fetch(`${server.url}/health/live`)).ok;
}

describe.skipIf(missing)('out of reach: files', () => {
  test('D-19 the data folder: its key, its log, its records, other projects', async () => {
    const other = join(server.dataFolder, 'projects', 'my-project');
    await writeFile(join(other, 'theirs'), SECRET);
    const found = await attempt(
      `ls -A '${server.dataFolder}'; cat '${server.dataFolder}'/admin.key '${server.dataFolder}'/*.db '${other}/theirs'`,
    );
    expect(found.code).not.toBe(0);
    expect(found.out).toEqual([]);
  });

  test('D-19 a project in the data folder sees its own folder there and nothing else', async () => {
    const own = await attempt('pwd; ls -A ..; ls -A ../..; ls -A ../../sandbox', { project: 'my-project' });
    const folder = await realpath(server.dataFolder);
    expect(own.out).toEqual([join(folder, 'projects', 'my-project'), 'my-project', 'projects']);
  });

  test('secrets of the system and of users', async () => {
    const home = homedir();
    const found = await attempt(
      `cat /etc/shadow /etc/gshadow /etc/sudoers /etc/ssh/*key '${outside}/secret' /root/.ssh/* /root/.bash_history /boot/* /var/log/*; ls -A /root '${home}' /var /sys /run /mnt /srv`,
    );
    expect(found.out.filter((line) => line !== '' && !line.endsWith(':') && line !== 'tmp')).toEqual([]);
  });

  test('symbolic links in the project lead to what is visible inside', async () => {
    await symlink('/etc/shadow', join(root, 'shadow'));
    await symlink(server.dataFolder, join(root, 'data'));
    await symlink(join(outside, 'secret'), join(root, 'beside'));
    const found = await attempt(
      'cat shadow beside; ls data/; cat data/*; ln -s /etc/shadow mine && cat mine',
    );
    expect(found.code).not.toBe(0);
    expect(found.out).toEqual([]);
    // Nor does the server follow them on a command's behalf.
    const cwd = await request(server, `/projects/${project}/shell`, {
      method: 'POST',
      body: { command: 'ls', cwd: 'data' },
    });
    expect(cwd.status).toBe(400);
    await symlink(server.dataFolder, join(root, '.claude'));
    const config = await request(server, `/projects/${project}/claude-config/commands`);
    expect(config.status).toBe(409);
    await rm(join(root, '.claude'));
  });

  test('writing anywhere but in the project', async () => {
    const places = ['/usr/x', '/etc/x', '/bin/x', '/x', '/run/x', '/dev/x', '/proc/x', '/var/x'];
    const found = await attempt(
      `for place in ${places.join(' ')} /usr/bin/env /etc/passwd; do (echo x >>$place) 2>/dev/null && echo $place; done; rm -f /usr/bin/true /bin/sh 2>/dev/null; echo done`,
    );
    expect(found.out).toEqual(['done']);
    // What lies above the project is not the host's folder of that name.
    await attempt(`echo x >'${outside}/x'; echo x >'${outside}/secret'`);
    await expect(stat(join(outside, 'x'))).rejects.toThrow('ENOENT');
    expect(await readFile(join(outside, 'secret'), 'utf8')).toBe(SECRET);
  });

  test('folders for temporary files are private, and gone at the end', async () => {
    const name = `x-${randomBytes(6).toString('hex')}`;
    const made = await attempt(
      `echo x >/tmp/${name} && echo x >/dev/shm/${name} && ls -A /tmp /dev/shm /var/tmp`,
    );
    expect(made.code).toBe(0);
    expect((await attempt(`ls /tmp/${name} /dev/shm/${name}`)).code).not.toBe(0);
    await expect(stat(join('/tmp', name))).rejects.toThrow('ENOENT');
    await expect(stat(join('/dev/shm', name))).rejects.toThrow('ENOENT');
  });

  test('settings of the kernel', async () => {
    const before = await readFile('/proc/sys/kernel/core_pattern', 'utf8');
    const found = await attempt(
      'for f in /proc/sys/kernel/core_pattern /proc/sys/kernel/hostname /proc/sys/vm/drop_caches /proc/sysrq-trigger /proc/self/uid_map; do test -w $f && echo $f; done; hostname other 2>/dev/null; find /proc/sys -writable 2>/dev/null; echo done',
    );
    expect(found.out).toEqual(['done']);
    expect(await readFile('/proc/sys/kernel/core_pattern', 'utf8')).toBe(before);
  });

  test('devices', async () => {
    const found = await attempt(
      'ls /dev; mknod disk b 254 0 2>/dev/null && echo made; cat /dev/mem /dev/kmsg /dev/vda /dev/sda 2>/dev/null',
    );
    const known = new Set([
      'core',
      'fd',
      'full',
      'null',
      'ptmx',
      'pts',
      'random',
      'shm',
      'stderr',
      'stdin',
      'stdout',
      'tty',
      'urandom',
      'zero',
    ]);
    expect(found.out.filter((name) => !known.has(name))).toEqual([]);
  });
});

describe.skipIf(missing)('out of reach: processes', () => {
  test('D-19 the server: unseen, unread, unsignalled', async () => {
    const { pid } = server;
    const found = await attempt(
      `cat /proc/${pid}/environ /proc/${pid}/maps /proc/${pid}/mem; ls /proc/${pid}/root/; kill -9 ${pid}; kill -9 ${process.pid}; kill -0 $PPID; ls -d /proc/[0-9]* | wc -l`,
    );
    const counted = Number(found.out[0]);
    expect(found.out).toHaveLength(1);
    expect(counted).toBeLessThan(12);
    expect(await runs(pid)).toBe(true);
    expect(await healthy()).toBe(true);
  });

  test('D-19 the environment of whatever is above holds nothing of the server', async () => {
    const found = await attempt("cat /proc/*/environ /proc/*/cmdline | tr '\\0' '\\n'; env");
    expect(found.out.join('\n')).not.toContain(server.key);
    expect(found.out.filter((line) => /^PLAYHEAD_(?!CARRIED)/.test(line))).toEqual([]);
  });

  test('killing all that can be killed ends the command alone', async () => {
    const beside = await start(server, 'while [ ! -e stop ]; do sleep 0.02; done; echo alive', { project });
    const killed = await attempt('kill -9 -1; kill -9 1');
    expect(killed.code).toBeGreaterThanOrEqual(0);
    await writeFile(join(root, 'stop'), '');
    expect(lines(await readAll(server, beside, { project }))).toEqual(['alive']);
    await rm(join(root, 'stop'));
    expect(await healthy()).toBe(true);
  });

  test('commands do not see each other', async () => {
    const marker = `marker${randomBytes(6).toString('hex')}`;
    const beside = await start(server, `: ${marker}; while [ ! -e stop2 ]; do sleep 0.02; done`, { project });
    const seen = await attempt('cat /proc/*/cmdline');
    expect([...seen.out, ...seen.err].join('')).not.toContain(marker);
    await writeFile(join(root, 'stop2'), '');
    await readAll(server, beside, { project });
  });

  test('what a command leaves in the background ends with it', async () => {
    const marker = join(root, 'still');
    const found = await attempt(
      `setsid -f sh -c 'trap "" HUP TERM; while :; do date +%s%N >${marker}; sleep 0.02; done' >/dev/null 2>&1; (trap "" HUP TERM; sleep 1000) & while [ ! -e ${marker} ]; do sleep 0.02; done; exit 3`,
    );
    expect(found.code).toBe(3);
    const last = await readFile(marker, 'utf8');
    // A later command runs longer than the left one would take to write again.
    await attempt('sleep 0.3');
    expect(await readFile(marker, 'utf8')).toBe(last);
  });

  test('no more rights: no capability, no setuid, no namespace, no mount, no trace of others', async () => {
    const found = await attempt(
      [
        'grep -E "^(CapPrm|CapEff|CapBnd|NoNewPrivs)" /proc/self/status',
        'for m in "unshare -Ur true" "unshare -m true" "mount -t tmpfs none /tmp" "mount --bind / /tmp" "chroot / true" "su -c true" "nsenter -t 1 -m true" "mount -o remount,rw /usr"; do $m 2>/dev/null && echo "did $m"; done',
        'grep " / \\| /usr \\| /tmp " /proc/self/mounts | grep -v nosuid',
      ].join('\n'),
    );
    expect(found.out).toEqual([
      'CapPrm:\t0000000000000000',
      'CapEff:\t0000000000000000',
      'CapBnd:\t0000000000000000',
      'NoNewPrivs:\t1',
    ]);
  });

  test('a setuid program gives nothing', async () => {
    await writeFile(join(root, 'suid'), await readFile('/usr/bin/id'));
    await chmod(join(root, 'suid'), 0o4755);
    const found = await attempt('./suid -u; id -u; ./suid -u 2>/dev/null');
    expect(new Set(found.out).size).toBe(1);
    expect(found.out[0]).not.toBe('0');
    await rm(join(root, 'suid'));
  });

  test('ptrace of anything outside', async () => {
    const found = await python(
      [
        'import ctypes, os',
        'libc = ctypes.CDLL(None, use_errno=True)',
        `for pid in (${server.pid}, ${process.pid}):`,
        '  if libc.ptrace(16, pid, 0, 0) == 0: print("traced", pid)',
        `try: open("/proc/${server.pid}/mem", "rb"); print("opened")`,
        'except OSError: pass',
        'print("done")',
      ].join('\n'),
    );
    expect(found.out).toEqual(['done']);
    expect(await runs(server.pid)).toBe(true);
  });

  test('a command that halts what is around it inside is ended by its limit all the same', async () => {
    const frames = await run(
      server,
      `/usr/bin/python3 -c 'import ctypes; ctypes.CDLL(None).ptrace(16, 1, 0, 0); ctypes.CDLL(None).ptrace(16, 2, 0, 0)'`,
      { project, body: { timeout_seconds: 1 } },
    );
    expect(completeOf(frames).ending.kind).toBe('expired');
  });

  test('TIOCSTI: there is no terminal to type into', async () => {
    const found = await python(
      [
        'import fcntl, os',
        'for path in ("/dev/tty", "/dev/console", "/dev/pts/0"):',
        '  try:',
        '    fd = os.open(path, os.O_RDWR); fcntl.ioctl(fd, 0x5412, b"x"); print("typed", path)',
        '  except OSError: pass',
        'for fd in range(3):',
        '  try: fcntl.ioctl(fd, 0x5412, b"x"); print("typed", fd)',
        '  except OSError: pass',
        'print(os.isatty(0), len(os.listdir("/proc/self/fd")) <= 5)',
      ].join('\n'),
    );
    expect(found.out).toEqual(['False True']);
  });
});

describe.skipIf(missing)('out of reach: networks and sockets', () => {
  test('the server on loopback, the network, names', async () => {
    const found = await python(
      [
        'import socket',
        `for host, port in (("127.0.0.1", ${server.port}), ("::1", ${server.port}), ("192.0.2.1", 80), ("224.0.0.1", 80)):`,
        '  s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET); s.settimeout(2)',
        '  try: s.connect((host, port)); print("reached", host)',
        '  except OSError: pass',
        'for name, index in [(n, i) for i, n in socket.if_nameindex()]: print(name)',
      ].join('\n'),
    );
    expect(found.out.filter((line) => line !== 'lo')).toEqual([]);
  });

  test('sockets of the host: Docker, D-Bus, agents', async () => {
    const found = await python(
      [
        'import socket, os',
        `for path in ("/var/run/docker.sock", "/run/docker.sock", "/run/dbus/system_bus_socket", "/run/systemd/private", "${join(outside, 'agent.sock')}"):`,
        '  try: socket.socket(socket.AF_UNIX).connect(path); print("reached", path)',
        '  except OSError: pass',
        'print([n for n in os.environ if "SOCK" in n or "DBUS" in n])',
      ].join('\n'),
    );
    expect(found.out).toEqual(['[]']);
    expect(visits).toBe(0);
  });
});

describe.skipIf(missing)('bounded', () => {
  test('a fork bomb: another command starts and runs meanwhile', async () => {
    const bomb = await start(
      server,
      'echo armed; bomb() { bomb | bomb & }; bomb; while :; do bomb; sleep 0.05; done',
      {
        project,
        body: { timeout_seconds: 4 },
      },
    );
    const beside = await attempt('seq 1 20 | while read n; do /bin/echo $n; done');
    expect(beside.code).toBe(0);
    expect(beside.out).toHaveLength(20);
    expect(await healthy()).toBe(true);
    const frames = await readAll(server, bomb, { project });
    expect(completeOf(frames).ending.kind).not.toBe('lost');
  });

  test('the number of processes', async () => {
    const found = await python(
      [
        'import os, signal, time',
        'made = 0',
        'for _ in range(500):',
        '  try: pid = os.fork()',
        '  except OSError: break',
        '  if pid == 0:',
        '    time.sleep(60); os._exit(0)',
        '  made += 1',
        'print(made)',
      ].join('\n'),
    );
    expect(Number(found.out[0])).toBeLessThan(64);
    expect(Number(found.out[0])).toBeGreaterThan(16);
  });

  test.for([
    ['of one process', 'b = bytearray(3 << 29)'],
    ['shared', 'import mmap\nm = mmap.mmap(-1, 1 << 30)\nfor i in range(0, 1 << 30, 4096): m[i] = 1'],
    [
      'of a file in memory',
      'import os\nfd = os.memfd_create("x")\nfor i in range(1024): os.pwrite(fd, b"x" * (1 << 20), i << 20)',
    ],
    [
      'of files for temporary use',
      'for n in range(256):\n  for f in ("/tmp", "/dev/shm"): open(f"{f}/{n}", "wb").write(b"x" * (4 << 20))',
    ],
  ])('memory %s', async ([what, program], { skip }) => {
    // Nothing but a cgroup bounds it; a server without one says so when it starts.
    if (what === 'shared' && server.stderr.includes('there is no cgroup')) skip('there is no cgroup');
    const found = await python(`${program}\nprint("had it all")`);
    expect(found.out).toEqual([]);
    expect(found.code).not.toBe(0);
    expect(await healthy()).toBe(true);
  });

  test('the size of a file', async () => {
    const found = await attempt(
      'head -c 64M /dev/zero >huge; stat -c %s huge; truncate -s 1T sparse && echo made',
    );
    expect(found.out).toEqual([String(8 * 2 ** 20)]);
    await rm(join(root, 'huge'), { force: true });
  });

  test('time: ended by its limit, and said so', async () => {
    const frames = await run(server, 'trap "" TERM; sleep 600', { project, body: { timeout_seconds: 0.3 } });
    expect(completeOf(frames).ending.kind).toBe('expired');
  });

  test('output', async () => {
    const frames = await run(server, 'yes', { project });
    expect(completeOf(frames).ending).toMatchObject({ kind: 'failed', reason: 'output-limit' });
  });
});

describe.skipIf(missing)('as without a sandbox', () => {
  test('files that a command writes are there, and the server’s user owns them', async () => {
    const made = await attempt(
      'mkdir -p a/b && echo hello >a/b/c && chmod 640 a/b/c && cat a/b/c && rm -rf old',
    );
    expect(made).toEqual({ code: 0, out: ['hello'], err: [] });
    expect(await readFile(join(root, 'a', 'b', 'c'), 'utf8')).toBe('hello\n');
    const { uid, gid, mode } = await stat(join(root, 'a', 'b', 'c'));
    expect([uid, gid, mode & 0o777]).toEqual([process.getuid?.(), process.getgid?.(), 0o640]);
  });

  test('CM-9 CM-31 exit codes and signals are the command’s own', async () => {
    for (const code of [0, 1, 2, 126, 127, 137, 255]) {
      const frames = await run(server, `exit ${code}`, { project });
      expect(completeOf(frames)).toMatchObject({ exit_code: code, ending: { kind: 'exited', code } });
    }
    const frames = await run(server, 'kill -SEGV $$', { project });
    expect(completeOf(frames)).toMatchObject({
      exit_code: 139,
      ending: { kind: 'signalled', name: 'SIGSEGV' },
    });
  });

  test('CM-8 both outputs, in order, all of it', async () => {
    const frames = await run(server, 'seq 1 3000; echo err >&2', { project });
    expect(outputs(frames)).toHaveLength(3001);
    expect(lines(frames, 'stdout').at(-1)).toBe('3000');
    expect(lines(frames, 'stderr')).toEqual(['err']);
  });

  test('F14 stopping one ends it politely', async () => {
    const id = await start(server, 'trap "echo bye; exit 4" TERM; echo ready; while :; do sleep 0.02; done', {
      project,
    });
    const reading = readAll(server, id, { project });
    await request(server, `/projects/${project}/commands/${id}`, { method: 'DELETE' });
    const frames = await reading;
    expect(completeOf(frames).ending.kind).toBe('stopped');
  });

  test.each([
    ['node', `'${NODE}' -e 'fetch("http://127.0.0.1:1").catch(() => console.log(6 * 7))'`],
    ['npm', `'${NODE}' '${NPM}' --version >/dev/null && echo 42`],
    ['python', '/usr/bin/python3 -c "import ssl, json; print(6 * 7)"'],
    ['git', 'git init -q repo && git -C repo status --short && echo 42'],
  ])('CM-26 %s runs', async (_tool, command) => {
    expect(await attempt(command)).toEqual({ code: 0, out: ['42'], err: [] });
  });

  test.skipIf(go.missing)('CM-26 go runs', async () => {
    await using roomy = await startServer({
      env: { PLAYHEAD_LAUNCHER: 'sandbox', PLAYHEAD_SANDBOX_PATHS: goRoot },
    });
    // Its cache is in the home, which is empty and private: a build would compile the whole runtime.
    const frames = await run(roomy, `'${goRoot}/bin/go' list fmt`);
    expect([completeOf(frames).exit_code, lines(frames)]).toEqual([0, ['fmt']]);
  });

  test('D-19 another tenant may hold projects:execute, and runs in its own project alone', async () => {
    const key = await makeKey(server, { scopes: ['projects:execute'], tenant: 'acme' });
    const theirs = { id: 'theirs', tenant: 'acme' };
    const made = await request(server, '/projects', { method: 'POST', body: theirs });
    expect(made.status).toBe(201);
    const answer = await request(server, '/projects/theirs/shell', {
      method: 'POST',
      key,
      body: { command: 'pwd' },
    });
    expect(answer.status).toBe(202);
    const { id } = answer.json<Envelope<{ id: string }>>().data;
    const frames = await readAll(server, id, { project: 'theirs', key });
    expect(lines(frames)[0]).toMatch(/\.acme\/theirs$/);
    const foreign = await request(server, `/projects/${project}/shell`, {
      method: 'POST',
      key,
      body: { command: 'pwd' },
    });
    expect(foreign.status).toBe(404);
  });

  test('D-19 on a server with the direct launcher a project may ask for the sandbox, other tenants may not run', async () => {
    await using plain = await startServer();
    const id = await makeProject(plain, { root, launcher: 'sandbox' });
    const inside = await run(plain, 'ls /proc | grep -c "^[0-9]"; cat /etc/shadow', { project: id });
    expect(Number(lines(inside, 'stdout')[0])).toBeLessThan(12);
    expect(lines(inside, 'stdout')).toHaveLength(1);
    const denied = await request(plain, '/projects', {
      method: 'POST',
      body: { id: 'denied', network: false },
    });
    expect(denied.status).toBe(400);
    const key = { name: 'x', scopes: ['projects:execute'], tenant: 'acme' };
    expect((await request(plain, '/keys', { method: 'POST', body: key })).status).toBe(403);
  });

  test('D-19 a tenant’s key from when there was a sandbox runs nothing outside of one', async () => {
    await using turned = await startServer({ env: { PLAYHEAD_LAUNCHER: 'sandbox' } });
    const key = await makeKey(turned, { scopes: ['projects:execute'], tenant: 'acme' });
    await request(turned, '/projects', { method: 'POST', body: { id: 'theirs', tenant: 'acme' } });
    const execute = async (): Promise<number> =>
      (await request(turned, '/projects/theirs/shell', { method: 'POST', key, body: { command: 'true' } }))
        .status;
    expect(await execute()).toBe(202);
    await turned.restart({ PLAYHEAD_LAUNCHER: 'direct' });
    expect(await execute()).toBe(403);
  });

  test('a server that shall confine commands and cannot says why, and does not start', async () => {
    const env = { PLAYHEAD_LAUNCHER: 'sandbox', PLAYHEAD_SANDBOX_CGROUP: '/sys/fs/cgroup/no/such' };
    await expect(startServer({ env })).rejects.toThrow(/The cgroup .* cannot be used/);
    const own = {
      PLAYHEAD_LAUNCHER: 'sandbox',
      PLAYHEAD_DATA: join(outside, 'inner'),
      PLAYHEAD_SANDBOX_PATHS: outside,
    };
    // What sandboxes may read holds the data folder: there it is empty.
    await using nested = await startServer({ env: own });
    const seen = await run(
      nested,
      `ls -A '${outside}/inner'; cat '${outside}/secret'; echo x >'${outside}/inner/x'`,
    );
    expect(lines(seen, 'stdout')).toEqual(['projects', SECRET]);
  });

  test('a command dies with a server that is killed, and is settled as lost', async () => {
    await using mortal = await startServer({ env: { PLAYHEAD_LAUNCHER: 'sandbox' } });
    const mark = join(mortal.dataFolder, 'projects', 'my-project', 'mark');
    const id = await start(mortal, 'trap "" TERM HUP; while :; do date +%s%N >mark; sleep 0.02; done');
    await until(() => stat(mark).then(Boolean, () => false), 'the command to write');
    await mortal.kill('SIGKILL');
    await mortal.restart();
    expect(completeOf(await readAll(mortal, id)).ending.kind).toBe('lost');
    const last = await readFile(mark, 'utf8');
    await run(mortal, 'sleep 0.2');
    expect(await readFile(mark, 'utf8')).toBe(last);
  });

  test('a project may only be stricter than the server', async () => {
    const make = (body: object): Promise<{ status: number }> =>
      request(server, '/projects', {
        method: 'POST',
        body: { id: `p-${randomBytes(4).toString('hex')}`, ...body },
      });
    expect((await make({ launcher: 'direct' })).status).toBe(400);
    expect((await make({ network: true })).status).toBe(400);
    expect((await make({ launcher: 'sandbox', network: false })).status).toBe(201);
  });
});
