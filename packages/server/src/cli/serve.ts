import { PlayheadError } from '@playhead/protocol';
import { systemClock } from '../runtime/clock.ts';
import { loadSettings, SettingsError } from '../runtime/load-settings.ts';
import { createLogger } from '../runtime/pino-logger.ts';
import type { Settings } from '../runtime/settings.ts';
import { onStopSignal } from '../runtime/signals.ts';
import { createServer, type PlayheadServer } from '../server.ts';

/** `playhead serve`: runs until a signal ends it. Resolves with the exit code if it does not get that far. */
export async function serve(argv: readonly string[]): Promise<number> {
  let settings: Settings;
  try {
    settings = loadSettings({ argv, env: process.env, cwd: process.cwd() });
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    for (const problem of error.problems) complain(problem);
    complain('`playhead help` lists the settings.');
    return 2;
  }
  const secrets = [settings.apiKey, settings.chatApiKey].filter((secret) => secret !== undefined);
  const logger = createLogger({ level: settings.logLevel, secrets });
  let server: PlayheadServer;
  try {
    server = await createServer({ settings, clock: systemClock, logger, environment: process.env });
  } catch (error) {
    complain(reason(error, settings));
    return 1;
  }
  announce(server);
  const { promise: stopped, resolve } = Promise.withResolvers<number>();
  using _signals = onStopSignal({
    process,
    async stop() {
      logger.info({}, 'draining');
      await Promise.race([server.drain(), after(settings.drainMs)]);
      await server[Symbol.asyncDispose]();
      resolve(0);
      return 0;
    },
  });
  return await stopped;
}

/** The one line on stdout; and the key that was made, once, for a person's eyes alone (D-23). */
function announce({ listening, firstKey }: PlayheadServer): void {
  process.stdout.write(`Playhead is ready at ${listening.url} (console: ${listening.url}/console/)\n`);
  if (firstKey.kind !== 'made') return;
  if (process.stderr.isTTY) process.stderr.write(`Your admin key, shown this once: ${firstKey.key}\n`);
  process.stderr.write(`The admin key is kept in ${firstKey.file}\n`);
}

function reason(error: unknown, settings: Settings): string {
  if (error instanceof PlayheadError) return error.message;
  if (error instanceof RangeError) return error.message;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  switch (code) {
    case 'EADDRINUSE':
      return `Port ${settings.port} is in use. Choose another with --port, or --port 0 for any free one.`;
    case 'EADDRNOTAVAIL':
      return `This machine has no address ${settings.host}. Set --host to one that it has.`;
    case 'EACCES':
      return `Not allowed: ${error instanceof Error ? error.message : ''}. Choose a port above 1023 and a data folder of your own.`;
    default:
      return `The server could not start: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`;
  }
}

function complain(text: string): void {
  process.stderr.write(`playhead: ${text}\n`);
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => void systemClock.after(ms, resolve));
}
