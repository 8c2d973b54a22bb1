import { follow, start } from './commands.ts';
import type { TestServer } from './server.ts';
import { jsonOf } from './sse-client.ts';

/** A command whose server was killed while it ran. */
export interface LostCommand {
  readonly id: string;
  /** The process that the command was. */
  readonly pid: number;
  /** The id of the one line that it wrote. */
  readonly lastId: string;
}

/**
 * Kills the server while a command runs and starts it again: how the command ended is then known to nobody, so
 * its stream ends with `error` and `complete` (F5, D-11). The command ignores a polite end.
 */
export async function loseCommand(server: TestServer): Promise<LostCommand> {
  const id = await start(server, `trap '' HUP TERM PIPE; echo $$; while :; do sleep 1; done`);
  const reader = await follow(server, id);
  const frame = await reader.event('output');
  await server.kill('SIGKILL');
  await reader.end();
  await server.restart();
  return { id, pid: Number(jsonOf<{ line: string }>(frame).line), lastId: frame.id ?? '' };
}
