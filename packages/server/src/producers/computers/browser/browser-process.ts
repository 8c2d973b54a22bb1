import type { Launcher, ProcessExit, ProcessIdentity } from '../../../launcher/launcher.ts';
import type { Clock } from '../../../runtime/clock.ts';
import { pipeClosed } from '../../../runtime/pipe-closed.ts';
import { type CdpConnection, connectCdp } from './cdp-connection.ts';

/** A browser's processes, as one thing. */
export interface BrowserProcess {
  readonly identity: ProcessIdentity;
  readonly connection: CdpConnection;
  /** How the first of them ended, once none is left. */
  readonly ended: Promise<ProcessExit>;
  kill(): void;
  /** The last that it said on stderr; for an operator. */
  words(): string;
}

export interface BrowserCommand {
  readonly argv: readonly [string, ...string[]];
  readonly env: Readonly<Record<string, string>>;
  /** Absolute; must exist. */
  readonly cwd: string;
}

const WORDS_MAX = 4_096;
/** For processes that were killed to be gone. Where it takes longer, they are out of our reach. */
const GONE_MS = 5_000;

/**
 * Starts a browser. It ends when the pipes to it close, so it does not outlive the server, however that ends. Rejects
 * with `LaunchFailure`.
 */
export async function startProcess(
  launcher: Launcher,
  { argv, env, cwd }: BrowserCommand,
  clock: Clock,
): Promise<BrowserProcess> {
  const running = await launcher.launch({ argv, env, cwd, channel: true });
  const { channel, stderr, stdout } = running;
  if (channel === undefined) {
    running.signal('SIGKILL');
    throw new TypeError('The launcher gives no channel.');
  }
  const connection = connectCdp(channel);
  let words = '';
  stderr.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-WORDS_MAX);
  });
  stdout.resume();
  // All of its processes hold this pipe: that it closes is the proof that none is left.
  const allGone = pipeClosed(stderr);

  async function end(): Promise<ProcessExit> {
    const exit = await running.exited;
    connection.close();
    running.signal('SIGKILL');
    const late = Promise.withResolvers<void>();
    using _timer = clock.after(GONE_MS, late.resolve);
    await Promise.race([allGone, late.promise]);
    return exit;
  }

  return {
    identity: running.identity,
    connection,
    ended: end(),
    kill: () => running.signal('SIGKILL'),
    words: () => words,
  };
}
