import { mkdir } from 'node:fs/promises';
import type { Launcher } from '../../launcher/launcher.ts';
import { createSessionKind } from '../../sessions/session-kind.ts';
import type { Terminals } from '../../transports/terminals.ts';
import type { Executor } from '../executor.ts';
import type { Producer, ProducerContext } from '../producer.ts';
import { mountCommands } from './command-routes.ts';
import { createCommandStore } from './command-store.ts';
import { mountConfig } from './config-routes.ts';
import { environmentOf } from './environment.ts';
import { mountEvents } from './event-route.ts';
import { createExecutor } from './executor.ts';
import { findProgram } from './find-program.ts';
import { forgetCommands } from './forget-commands.ts';
import { mountProjects } from './project-routes.ts';
import { createProjects, FIRST_PROJECT, FIRST_TENANT } from './projects.ts';
import { createScreens } from './screens.ts';
import { commandSearch } from './search-rule.ts';
import type { CommandSettings } from './settings.ts';
import { settleCommands } from './settle-commands.ts';
import { createSlots } from './slots.ts';
import { KIND } from './start-command.ts';
import { createTerminals } from './terminals.ts';

export interface CommandParts extends ProducerContext {
  readonly launcher: Launcher;
  readonly settings: CommandSettings;
}

/** How often commands are looked at that ended long ago, ms. */
const FORGET_EVERY_MS = 3_600_000;

export interface Commands extends Producer {
  readonly terminals: Terminals;
  /** For other producers. */
  readonly executor: Executor;
}

/**
 * Commands in projects: real processes whose output is streams. Its face is `/projects…`, as its document gives
 * it and beyond.
 */
export function createCommands(parts: CommandParts): Commands {
  const { log, hub, records, launcher, clock, logger, settings } = parts;
  const store = createCommandStore(records);
  const projects = createProjects(records, settings.projectsFolder);
  const sessions = createSessionKind({
    ...{ kind: KIND, log, hub, records, clock, logger, limits: settings },
    settle: (running) => settleCommands({ log, running, store, launcher, clock, logger }),
  });
  let shell = settings.shell ?? 'sh';
  const slots = createSlots(settings.maxRunning);
  const screens = createScreens({ log, clock, logger });
  const terminals = createTerminals({ store, screens });
  const executor = createExecutor({ launcher, records, clock, logger, settings, slots, shell: () => shell });
  let forgetting: Disposable | undefined;

  async function forget(): Promise<void> {
    try {
      await forgetCommands({ log, store }, clock.now() - settings.keepMs);
    } catch (error) {
      logger.error({ error }, 'old commands could not be forgotten; this is tried again');
    }
  }

  return {
    kind: KIND,
    searched: commandSearch,
    terminals,
    executor,
    async settle() {
      await mkdir(settings.projectsFolder, { recursive: true });
      const first = { id: FIRST_PROJECT, root: null, shell: null, env: {}, timeLimitMs: null };
      await projects.add(FIRST_TENANT, { ...first, createdAt: clock.now() });
      const env = environmentOf(settings);
      if (settings.shell === undefined && (await findProgram('bash', env)) !== undefined) shell = 'bash';
      await sessions.settle();
      await executor.settle();
      forgetting = clock.every(FORGET_EVERY_MS, () => void forget());
    },
    mount(router) {
      mountProjects(router, { projects, settings, now: () => clock.now() });
      mountCommands(router, {
        launcher,
        clock,
        logger,
        settings,
        sessions: sessions.parts,
        store,
        slots,
        projects,
        shell: () => shell,
        terminals,
        draining: () => sessions.draining,
      });
      mountConfig(router, { projects, now: () => clock.now() });
      mountEvents(router, { projects, store, log, sse: parts.sse, clock, openForMs: settings.openForMs });
    },
    async [Symbol.asyncDispose]() {
      forgetting?.[Symbol.dispose]();
      // One that is just being started stops itself when it sees that the server goes.
      const idle = (): Promise<unknown> => Promise.all([executor.close(), slots.idle()]);
      const unfinished = await sessions.close(idle, settings.graceMs + 2 * settings.lingerMs + 2_000);
      if (unfinished > 0)
        logger.warn({ unfinished }, 'commands without an ending; the next start settles them');
      screens[Symbol.dispose]();
    },
  };
}
