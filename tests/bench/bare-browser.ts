import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

/**
 * The least that films a page: a browser, its two pipes, and a client that parses every message and keeps nothing. What
 * Playhead adds to it is what the benchmarks of computers measure.
 */
export interface BareBrowser extends AsyncDisposable {
  /** `performance.now()` as it was started. */
  readonly began: number;
  navigate(url: string): Promise<void>;
  /** Films until it is disposed. `frame` is called for each, and it is acknowledged at once. */
  film(frame: () => void): Promise<void>;
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly sessionId?: number; readonly data?: string };
  readonly result?: { readonly sessionId?: string; readonly targetInfos?: readonly Target[] };
}

interface Target {
  readonly targetId: string;
  readonly type: string;
}

export async function startBareBrowser(
  argv: readonly [string, ...string[]],
  folder: string,
  env: Readonly<Record<string, string>>,
): Promise<BareBrowser> {
  const profile = await mkdtemp(join(folder, 'bare-'));
  const [program, ...args] = argv;
  const began = performance.now();
  const child = spawn(program, [...args, `--user-data-dir=${profile}`, 'about:blank'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    detached: true,
    env,
  });
  const input = child.stdio[3] as Writable;
  const output = child.stdio[4] as Readable;
  const waiting = new Map<number, (message: Message) => void>();
  let onFrame: (() => void) | undefined;
  let lastId = 0;
  let rest: Buffer = Buffer.alloc(0);
  for (const pipe of [input, output]) pipe.on('error', () => undefined);

  function send(method: string, params: object = {}, sessionId?: string): Promise<Message> {
    const id = ++lastId;
    input.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    return new Promise((resolve) => waiting.set(id, resolve));
  }

  output.on('data', (piece: Buffer) => {
    rest = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    for (let end = rest.indexOf(0); end !== -1; end = rest.indexOf(0)) {
      const message = JSON.parse(rest.subarray(0, end).toString()) as Message;
      rest = rest.subarray(end + 1);
      if (message.id !== undefined) {
        waiting.get(message.id)?.(message);
        waiting.delete(message.id);
      } else if (message.method === 'Page.screencastFrame') {
        Buffer.from(message.params?.data ?? '', 'base64');
        void send('Page.screencastFrameAck', { sessionId: message.params?.sessionId }, session);
        onFrame?.();
      }
    }
  });

  async function page(): Promise<Target> {
    for (;;) {
      const { result } = await send('Target.getTargets');
      const found = result?.targetInfos?.find(({ type }) => type === 'page');
      if (found !== undefined) return found;
    }
  }

  const { targetId } = await page();
  const attached = await send('Target.attachToTarget', { targetId, flatten: true });
  const session = attached.result?.sessionId ?? '';
  const size = { width: 1280, height: 720, deviceScaleFactor: 1, mobile: false };
  await send('Emulation.setDeviceMetricsOverride', size, session);
  await send('Page.enable', {}, session);

  return {
    began,
    async navigate(url) {
      await send('Page.navigate', { url }, session);
    },
    async film(frame) {
      onFrame = frame;
      await send('Page.startScreencast', { format: 'jpeg', quality: 60, everyNthFrame: 1 }, session);
    },
    async [Symbol.asyncDispose]() {
      const gone = new Promise((resolve) => child.once('exit', resolve));
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
      await gone;
      await rm(profile, { recursive: true, force: true, maxRetries: 8, retryDelay: 20 });
    },
  };
}
