import { mkdir } from 'node:fs/promises';
import type { Launcher } from '../../launcher/launcher.ts';
import { createDirectory } from '../../sessions/directory.ts';
import type { SessionParts } from '../../sessions/session.ts';
import { runningSessions } from '../../sessions/session-record.ts';
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

/** How often settling is tried again while the log or the records refuse, ms. */
const SETTLE_AGAIN_MS = 5_000;
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
  const running = runningSessions(records);
  const directory = createDirectory();
  const store = createCommandStore(records);
  const projects = createProjects(records, settings.projectsFolder);
  const sessions: SessionParts = {
    log,
    append: (key, events, options) => hub.append(key, events, options),
    running,
    directory,
    clock,
    logger,
    limits: settings,
  };
  let shell = settings.shell ?? 'sh';
  const slots = createSlots(settings.maxRunning);
  const screens = createScreens({ log, clock, logger });
  const terminals = createTerminals({ store, screens });
  const executor = createExecutor({ launcher, records, clock, logger, settings, slots, shell: () => shell });
  let draining = false;
  let again: Disposable | undefined;
  let forgetting: Disposable | undefined;

  async function settleLeft(): Promise<void> {
    const settled = await settleCommands({ log, running, store, launcher, clock, logger });
    if (!settled && !draining) again = clock.after(SETTLE_AGAIN_MS, () => void settleLeft());
  }

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
      await settleLeft();
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
        sessions,
        store,
        slots,
        projects,
        shell: () => shell,
        terminals,
        draining: () => draining,
      });
      mountConfig(router, { projects, now: () => clock.now() });
      mountEvents(router, { projects, store, log, sse: parts.sse, clock, openForMs: settings.openForMs });
    },
    async [Symbol.asyncDispose]() {
      draining = true;
      again?.[Symbol.dispose]();
      forgetting?.[Symbol.dispose]();
      // A full disk must not keep the server from going: what has no ending then is settled by the next start.
      const { promise: tooLong, resolve } = Promise.withResolvers<void>();
      using _timer = clock.after(settings.graceMs + 2 * settings.lingerMs + 2_000, resolve);
      for (const session of directory.running(KIND)) session.stop({ kind: 'stopped', by: 'shutdown' });
      // One that is just being started stops itself when it sees that the server goes.
      await Promise.race([Promise.all([executor.close(), slots.idle()]), tooLong]);
      const unfinished = directory.running(KIND).length;
      if (unfinished > 0)
        logger.warn({ unfinished }, 'commands without an ending; the next start settles them');
      screens[Symbol.dispose]();
    },
  };
}
