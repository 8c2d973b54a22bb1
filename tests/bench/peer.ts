import { existsSync } from 'node:fs';
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SERVER_CORE, startChild } from './child.ts';
import { generatorPath } from './generator.ts';
import { childrenOf } from './process-status.ts';
import { programExists } from './program-exists.ts';
import type { Settings } from './scenario.ts';

export interface Peer extends AsyncDisposable {
  /** Of the process that does the work. */
  readonly pid: number;
  readonly port: number;
}

type NodePeer =
  | 'ws'
  | 'ws-answer'
  | 'socket-io'
  | 'durable-streams'
  | 'node-http'
  | 'command-lines'
  | 'contexts-loop'
  | 'replay';

/** Starts a peer of `peers/` on the server's core, with the same Node as Playhead. */
export async function startNodePeer(name: NodePeer, ...args: readonly string[]): Promise<Peer> {
  const script = fileURLToPath(new URL(`peers/${name}.mjs`, import.meta.url));
  return portOf([process.execPath, script, ...args]);
}

/** Starts the bare write loop: what a fan-out costs when nothing but the writes is left. */
export function startLoop(): Promise<Peer> {
  return portOf([generatorPath('loop')]);
}

async function portOf(argv: readonly string[]): Promise<Peer> {
  const child = await startChild({ argv, core: SERVER_CORE, ready: /ready ([0-9]+)/ });
  return {
    pid: child.pid,
    port: Number(child.ready),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose](),
  };
}

const NCHAN = ['/usr/lib/nginx/modules/ngx_nchan_module.so', '/usr/lib64/nginx/modules/ngx_nchan_module.so'];

/** Starts nginx with nchan: POST /publish, SSE on /subscribe. Undefined where it is not installed. */
export async function startNchan(settings: Settings): Promise<Peer | undefined> {
  const module = NCHAN.find((path) => existsSync(path));
  if (module === undefined || !programExists('nginx')) return undefined;
  const folder = await mkdtemp(join(settings.folder, 'nchan-'));
  const port = 20_000 + Math.floor(Math.random() * 10_000);
  await writeFile(join(folder, 'nginx.conf'), nchanConfiguration(module, port));
  const child = await startChild({
    argv: ['nginx', '-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'],
    core: SERVER_CORE,
    // It prints on stderr when it has its worker, and nothing on stdout.
    ready: /start worker process [0-9]+/,
  });
  const [worker = child.pid] = childrenOf(child.pid);
  return { pid: worker, port, [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]() };
}

function nchanConfiguration(module: string, port: number): string {
  return `load_module ${module};
daemon off;
worker_processes 1;
error_log stderr notice;
pid nginx.pid;
${process.getuid?.() === 0 ? 'user root;' : ''}
events { worker_connections 8192; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {
    listen 127.0.0.1:${port} backlog=4096;
    location = /publish { nchan_publisher; nchan_channel_id fan; nchan_message_buffer_length 1000; }
    location = /subscribe { nchan_subscriber eventsource; nchan_channel_id fan; nchan_subscriber_first_message newest; }
  }
}
`;
}
