import { existsSync, lstatSync, readlinkSync, realpathSync } from 'node:fs';
import { join, relative } from 'node:path';
import { isWithin } from './is-within.ts';

/** What of this machine every sandbox sees, and what builds it. Found once. */
export interface HostView {
  readonly bwrap: string;
  readonly shell: string;
  readonly prlimit: string;
  readonly env: string;
  /** The server's own user. */
  readonly uid: number;
  /** In the order in which they are made. */
  readonly mounts: readonly Mount[];
}

/** `read`: as it is outside, read-only. `empty`: an empty folder over what is there. */
export type Mount =
  | { readonly kind: 'read' | 'empty'; readonly path: string }
  | { readonly kind: 'link'; readonly path: string; readonly target: string };

/** Programs and libraries. Where one is a link into /usr, it is one inside too. */
const SYSTEM = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];

/**
 * Of /etc what programs need to run, to know names and to trust certificates: a list of what may be seen, because
 * one of what may not would miss the secrets of the next package.
 */
const ETC = [
  ...['alternatives', 'ld.so.cache', 'ld.so.conf', 'ld.so.conf.d', 'localtime', 'timezone', 'locale.alias'],
  ...[
    'passwd',
    'group',
    'nsswitch.conf',
    'host.conf',
    'gai.conf',
    'hosts',
    'resolv.conf',
    'protocols',
    'services',
  ],
  ...[
    'ssl/certs',
    'ssl/cert.pem',
    'ssl/openssl.cnf',
    'ca-certificates',
    'ca-certificates.conf',
    'pki/tls/certs',
  ],
  ...[
    'pki/tls/cert.pem',
    'pki/ca-trust',
    'crypto-policies',
    'mime.types',
    'magic',
    'os-release',
    'debian_version',
  ],
  ...['bash.bashrc', 'profile', 'inputrc', 'terminfo', 'fonts', 'xattr.conf', 'login.defs', 'shells', 'rpc'],
  ...['python3', 'perl', 'java-17-openjdk', 'java-21-openjdk', 'java-25-openjdk', 'maven'],
];

/** Where each sandbox has something of its own. */
const OWN = ['/proc', '/dev', '/dev/shm', '/tmp', '/var/tmp', '/run'];

const TOOL_FOLDERS = [
  '/usr/bin',
  '/bin',
  '/usr/local/bin',
  '/usr/sbin',
  '/sbin',
  '/run/current-system/sw/bin',
];

export interface HostOptions {
  /** Further folders that sandboxes may read, absolute. */
  readonly paths: readonly string[];
  /** Folders that no sandbox may see, whatever they lie in; absolute, without symbolic links. */
  readonly hidden: readonly string[];
}

/** What there is to build a sandbox from; a sentence that says what to do where a part is missing. */
export function viewHost({ paths, hidden }: HostOptions): HostView | string {
  if (process.platform !== 'linux') return 'The sandbox is made of parts of Linux; this is another system.';
  const bwrap = findTool('bwrap');
  if (bwrap === undefined) {
    return 'bubblewrap is not installed. Install it (apt-get install bubblewrap, dnf install bubblewrap).';
  }
  const prlimit = findTool('prlimit');
  if (prlimit === undefined) return 'prlimit is not installed. Install util-linux.';
  const env = findTool('env');
  if (env === undefined) return 'env is not installed. Install GNU coreutils.';
  const mounts: Mount[] = SYSTEM.flatMap(systemMount);
  for (const path of paths) {
    if (!existsSync(path)) return `The folder ${path}, which sandboxes shall read, does not exist.`;
    if (OWN.some((own) => isWithin(path, own)))
      return `Sandboxes have a ${path} of their own: name what is in it.`;
    mounts.push({ kind: 'read', path });
  }
  for (const name of ETC) if (existsSync(`/etc/${name}`)) mounts.push({ kind: 'read', path: `/etc/${name}` });
  for (const secret of hidden) {
    for (const { kind, path } of [...mounts]) {
      if (kind !== 'read') continue;
      const real = realpathSync(path);
      if (isWithin(secret, real))
        return `The folder ${path} is the server's own: sandboxes must not read it.`;
      if (isWithin(real, secret)) mounts.push({ kind: 'empty', path: join(path, relative(real, secret)) });
    }
  }
  return { bwrap, prlimit, env, shell: '/bin/sh', uid: process.getuid?.() ?? -1, mounts };
}

function systemMount(path: string): Mount[] {
  if (!existsSync(path)) return [];
  if (lstatSync(path).isSymbolicLink()) return [{ kind: 'link', path, target: readlinkSync(path) }];
  return [{ kind: 'read', path }];
}

// Not by the server's PATH: what builds the wall has to come from the system.
function findTool(name: string): string | undefined {
  return TOOL_FOLDERS.map((folder) => `${folder}/${name}`).find((path) => existsSync(path));
}
