import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { findRtspPython } from './optional.ts';
import { ROOT } from './node-program.ts';

export interface RtspOptions {
  /** GStreamer pipelines by path; the last element of each is a payloader named pay0. */
  readonly mounts: Readonly<Record<string, string>>;
  readonly users?: Readonly<Record<string, string>>;
  readonly digest?: boolean;
  /** Key and certificate, PEM: then it speaks TLS. */
  readonly certificate?: string;
  readonly protocols?: 'tcp' | 'udp' | 'both';
}

export interface RtspServer extends AsyncDisposable {
  readonly port: number;
}

/** Starts a real RTSP server on loopback. It ends with whoever started it. */
export async function startRtspServer(options: RtspOptions): Promise<RtspServer> {
  const { path } = findRtspPython();
  const child = spawn(path, [join(ROOT, 'tests/support/rtsp-server.py')], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const { mounts, users = null, digest = false, certificate = null, protocols = 'both' } = options;
  child.stdin.write(`${JSON.stringify({ mounts, users, digest, certificate, protocols })}\n`);
  const exited = once(child, 'exit');
  const port = await new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', (line) => resolve(Number(line)));
    void exited.then(() => reject(new Error('The RTSP server did not start.')), reject);
  });
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      child.kill('SIGKILL');
      await exited;
    },
  };
}
