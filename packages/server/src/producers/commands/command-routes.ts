import { PlayheadError } from '@playhead/protocol';
import { envelope } from '../../http/envelope.ts';
import type { Exchange, Reply } from '../../http/exchange.ts';
import type { Router } from '../../http/router.ts';
import { callerOf, parameter } from '../caller.ts';
import { isCommandId } from './command-id.ts';
import {
  type ProgramChoice,
  readClaude,
  readExec,
  readGit,
  readShell,
  type StartInput,
} from './command-input.ts';
import type { CommandRecord } from './command-store.ts';
import { commandView } from './command-view.ts';
import { listReply, pageOf } from './page.ts';
import type { Projects } from './projects.ts';
import { commandStream, type StartParts, startCommand } from './start-command.ts';
import { mountTerminals } from './terminal-routes.ts';
import type { CommandTerminals } from './terminals.ts';

export interface CommandRouteParts extends StartParts {
  readonly projects: Projects;
  /** What runs shell commands where the project does not say. */
  readonly shell: () => string;
  readonly terminals: CommandTerminals;
}

const SESSION_LABEL = /^[A-Za-z0-9._~-]{1,128}$/;

/** Starting, listing, showing and stopping commands. */
export function mountCommands(router: Router, parts: CommandRouteParts): void {
  const { projects, store, settings } = parts;
  const { directory } = parts.sessions;

  /** A route that starts something: `read` says what, from the body. */
  function add(path: string, read: (body: unknown, choice: ProgramChoice) => StartInput): void {
    router.add({
      method: 'POST',
      path,
      access: { scope: 'projects:execute' },
      async handle(exchange) {
        if (parts.draining()) throw new PlayheadError('draining', 'The server is going away. Try again.');
        const { tenant } = callerOf(exchange);
        const project = await projects.require(tenant, parameter(exchange, 'id'));
        const session = exchange.params['sid'];
        if (session !== undefined && !SESSION_LABEL.test(session)) {
          throw new PlayheadError('not-found', 'A session is named by 1 to 128 of A-Z a-z 0-9 . _ ~ -.');
        }
        const choice = { shell: project.shell ?? parts.shell(), agent: settings.agent };
        const { program, ...input } = read(await exchange.json(), choice);
        const command = await startCommand(parts, { tenant, project, session, ...program, ...input });
        return envelope(exchange, commandView(command), 202);
      },
    });
  }

  add('/projects/:id/shell', readShell);
  add('/projects/:id/git', readGit);
  add('/projects/:id/claude', readClaude);
  add('/projects/:id/sessions/:sid/exec', readExec);

  router.add({
    method: 'GET',
    path: '/projects/:id/commands',
    access: { scope: 'projects:read' },
    async handle(exchange) {
      const { tenant } = callerOf(exchange);
      const project = await projects.require(tenant, parameter(exchange, 'id'));
      const { commands, next } = await store.list(tenant, project.id, pageOf(exchange));
      return listReply(exchange, commands.map(commandView), next, parts.clock.now());
    },
  });

  router.add({
    method: 'GET',
    path: '/projects/:id/commands/:cid',
    access: { scope: 'projects:read' },
    handle: async (exchange) => envelope(exchange, commandView(await named(exchange))),
  });

  router.add({
    method: 'DELETE',
    path: '/projects/:id/commands/:cid',
    access: { scope: 'projects:execute' },
    handle: stop,
  });

  mountTerminals(router, { terminals: parts.terminals, named });

  async function named(exchange: Exchange): Promise<CommandRecord> {
    const { tenant } = callerOf(exchange);
    const project = await projects.require(tenant, parameter(exchange, 'id'));
    const id = parameter(exchange, 'cid');
    const command = isCommandId(id) ? await store.get(tenant, id) : undefined;
    if (command?.project !== project.id) throw new PlayheadError('not-found', 'There is no such command.');
    return command;
  }

  // Waits for the end, so that who asked is told how it ended; but no longer than ending by force takes.
  async function stop(exchange: Exchange): Promise<Reply> {
    const command = await named(exchange);
    const session = directory.get(commandStream(command.tenant, command.id));
    if (session === undefined) return envelope(exchange, commandView(await named(exchange)));
    session.stop({ kind: 'stopped', by: callerOf(exchange).keyId });
    const patience = settings.graceMs + 2 * settings.lingerMs + 1000;
    const { promise: tooLong, resolve } = Promise.withResolvers<void>();
    using _timer = parts.clock.after(patience, resolve);
    await Promise.race([session.ended, tooLong]);
    const now = await named(exchange);
    return envelope(exchange, commandView(now), now.ended === undefined ? 202 : 200);
  }
}
