import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PlayheadError } from '@playhead/protocol';
import type { ToolSet } from 'ai';
import { createAuthenticator } from './access/authenticator.ts';
import { bindProblem } from './access/bind-rule.ts';
import { mountConsoleSession } from './access/console-session-face.ts';
import { createConsoleSessions } from './access/console-sessions.ts';
import { countFailures } from './access/failures.ts';
import { DEFAULT_TENANT, ensureFirstKey, type FirstKey } from './access/first-key.ts';
import { openKeys } from './access/keys.ts';
import { mountKeysFace } from './access/keys-face.ts';
import { openTokens } from './access/open-tokens.ts';
import { limitRate } from './access/rate-limit.ts';
import { createTickets } from './access/tickets.ts';
import { mountTicketsFace } from './access/tickets-face.ts';
import { mountConsole } from './console/console-face.ts';
import { createHttpApp, type Listening } from './http/app.ts';
import { createHub } from './hub/create-hub.ts';
import { chooseLauncher } from './launcher/choose-launcher.ts';
import { createDirectLauncher } from './launcher/direct/direct-launcher.ts';
import type { Launcher } from './launcher/launcher.ts';
import { createSandboxLauncher } from './launcher/sandbox/sandbox-launcher.ts';
import type { EventLog } from './log/event-log.ts';
import { createMemoryLog } from './log/memory/memory-log.ts';
import { openSqliteLog } from './log/sqlite/sqlite-log.ts';
import { tieredLog } from './log/tiered.ts';
import { createFrames } from './frames/live/create-frames.ts';
import { chatTools } from './producers/chats/chat-tools.ts';
import { createChats } from './producers/chats/chats.ts';
import { createAssistant } from './producers/chats/assistant/assistant.ts';
import type { ModelRequest } from './producers/chats/model.ts';
import { openModel } from './producers/chats/models/open-model.ts';
import type { ChatSettings } from './producers/chats/settings.ts';
import { createGuard, type GuardParts } from './outgoing/create-guard.ts';
import { createRequests } from './outgoing/create-requests.ts';
import { createEgress } from './outgoing/proxy/create-egress.ts';
import { createCommands } from './producers/commands/commands.ts';
import { COMMAND_DEFAULTS, type CommandSettings } from './producers/commands/settings.ts';
import { BROWSER_DEFAULTS, type BrowserSettings } from './producers/computers/browser/browser-settings.ts';
import { createBrowsers } from './producers/computers/browser/create-browsers.ts';
import { createComputers } from './producers/computers/computers.ts';
import { COMPUTER_DEFAULTS, type ComputerSettings } from './producers/computers/settings.ts';
import { createContexts } from './producers/contexts/contexts.ts';
import { contextSettings } from './producers/contexts/settings.ts';
import type { Producer } from './producers/producer.ts';
import { memoryRecords } from './records/memory/memory-records.ts';
import type { Records } from './records/records.ts';
import { sqliteRecords } from './records/sqlite/sqlite-records.ts';
import type { Clock } from './runtime/clock.ts';
import type { Logger } from './runtime/logger.ts';
import { networkList } from './runtime/network-list.ts';
import type { Settings } from './runtime/settings.ts';
import { createContentGateway } from './streams/durable/content-gateway.ts';
import { mountDurableFace } from './streams/durable/durable-face.ts';
import { startIndexer } from './search/indexer.ts';
import { openSqliteSearch } from './search/sqlite/sqlite-search.ts';
import { createGateway } from './streams/gateway.ts';
import { mountReadFace } from './streams/read-face.ts';
import { createSubscriptions } from './streams/subscriptions/create-subscriptions.ts';
import { mountWriteFace } from './streams/write-face.ts';
import { createSseTransport } from './transports/sse/sse-transport.ts';
import { createSocketTransport, type SocketSettings } from './transports/websocket/socket-transport.ts';

export interface ServerParts {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What commands may inherit of it is a setting. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

export interface PlayheadServer extends AsyncDisposable {
  readonly listening: Listening;
  /** How the admin key came about; a key that was made is in it, to be shown this once. */
  readonly firstKey: FirstKey;
  /**
   * Goes away in good order: no new requests, sessions are stopped and get their endings, readers are told to come
   * back, what is under way may finish. Resolves when that is done; disposing cuts whatever is left.
   */
  drain(): Promise<void>;
}

/** First segments of names that producers have, also those not served yet (D-4); `__ds` is no stream's (P-260). */
const RESERVED: ReadonlySet<string> = new Set([
  '__ds',
  'commands',
  'computers',
  'chats',
  'cameras',
  'contexts',
]);

/** Builds the server out of its parts, settles what a crash left behind, and listens. The only place they meet. */
export async function createServer(parts: ServerParts): Promise<PlayheadServer> {
  const { settings, clock, logger } = parts;
  const directLauncher = settings.launcher !== 'sandbox';
  const refused = bindProblem({ host: settings.host, allowExec: settings.allowExec, directLauncher });
  if (refused !== undefined) throw new PlayheadError('forbidden', refused);

  // Disposed in the opposite order, also when a later step fails.
  await using stack = new AsyncDisposableStack();
  await mkdir(settings.data, { recursive: true, mode: 0o700 });
  const log = stack.use(await openLog(settings, clock));
  const records = stack.use(openRecords(settings));
  const keys = stack.use(await openKeys({ records, clock, logger }));
  const given = settings.apiKey === undefined ? {} : { given: settings.apiKey };
  const firstKey = await ensureFirstKey({ keys, clock, dataFolder: settings.data, ...given });
  const failures = countFailures(clock, { limit: settings.failureLimit, windowMs: settings.failureWindowMs });
  const rateLimit = limitRate(clock, settings.rateLimit);
  const { ticketMs: connectionMs, streamTicketMs: streamMs } = settings;
  const tickets = createTickets(keys, clock, { connectionMs, streamMs });
  const sessions = createConsoleSessions(keys, clock, settings.consoleSessionMs);
  const guard = createGuard({ clock, resolveMs: settings.resolveMs, ...reachable(settings) });
  const requests = createRequests({ guard, clock });
  const gate = createAuthenticator({
    keys,
    failures,
    rateLimit,
    clock,
    ...openTokens({ settings, requests, clock, logger }),
    verifyTicket: (text, caller) => tickets.verify(text, caller),
    verifyCookie: (text, caller) => sessions.verify(text, caller),
  });

  const hub = stack.use(createHub({ log, logger, windowBytes: settings.windowBytes }));
  const app = stack.use(createHttpApp({ gate, clock, logger, settings: httpSettings(settings) }));
  const { heartbeatMs, retryMs, stallMs } = settings;
  const sse = stack.use(createSseTransport({ hub, clock, heartbeatMs, retryMs, stallMs }));
  const gateway = createGateway({ log, hub, reserved: RESERVED });
  const content = createContentGateway({ log, hub, clock, reserved: RESERVED });
  const context = { log, hub, records, sse, clock, logger };
  const index = stack.use(
    await openSqliteSearch(settings.log === 'memory' ? undefined : join(settings.data, 'search.db')),
  );
  const direct = createDirectLauncher();
  const sandbox = lazySandbox(parts, direct);
  // A server that is told to confine commands does not start where it cannot.
  const missing = directLauncher ? undefined : await sandbox();
  if (typeof missing === 'string') throw new PlayheadError('not-served', missing);
  const commands = stack.use(
    createCommands({
      ...context,
      launcher: chooseLauncher({ direct, sandbox, required: !directLauncher }),
      settings: commandSettings(settings, parts.environment, sandbox),
    }),
  );
  const producers: Producer[] = [commands];
  const tools = (request: ModelRequest): ToolSet =>
    chatTools(
      { log, search: index, executor: commands.executor, folder: join(settings.data, 'chats') },
      request,
    );
  const model =
    (await openModel(settings, tools)) ?? createAssistant({ log, search: index, now: () => clock.now() });
  producers.push(stack.use(createChats({ ...context, model, settings: chatSettings(settings) })));
  // Known once it listens; nobody asks before.
  let url = '';
  const { connectMs, browserConnections: connections, frameLingerMs: lingerMs } = settings;
  const egress = stack.use(createEgress({ guard, clock, logger, connectMs, connections }));
  const frames = stack.use(createFrames({ log, hub, clock, logger, lingerMs }));
  const browsers = stack.use(
    createBrowsers({
      ...{ launcher: direct, clock, logger },
      settings: browserSettings(settings, parts.environment),
    }),
  );
  const computers = createComputers({
    ...{ ...context, egress, frames, browsers },
    executor: commands.executor,
    publicUrl: () => settings.publicUrl ?? url,
    settings: computerSettings(settings),
  });
  producers.push(stack.use(computers));
  producers.push(stack.use(createContexts({ ...context, gate, settings: contextSettings(settings) })));
  const subscriptions = stack.use(
    await createSubscriptions({
      ...{ ...context, gate, guard, settings, reserved: RESERVED, defaultTenant: DEFAULT_TENANT },
      requests,
    }),
  );
  const { terminals } = commands;
  const socket = stack.use(
    createSocketTransport({ hub, gateway, content, terminals, clock, logger, ...socketSettings(settings) }),
  );

  mountConsole(app);
  mountKeysFace(app, { keys, clock, directLauncher });
  mountTicketsFace(app, { tickets, log });
  mountConsoleSession(app, { gate, sessions });
  mountReadFace(app, { log, sse });
  mountWriteFace(app, gateway);
  mountDurableFace(app, { log, hub, sse, clock, reserved: RESERVED, ...durableSettings(settings) });
  subscriptions.mount(app);
  socket.mount(app);
  const sockets = socket.faces(app);
  for (const producer of producers) {
    await producer.settle();
    producer.mount(app, sockets);
  }
  stack.use(
    startIndexer({
      ...{ log, index, clock, logger },
      rules: producers.flatMap(({ searched }) => searched ?? []),
      tenants: async () => new Set([DEFAULT_TENANT, ...keys.list().map(({ tenant }) => tenant)]),
      streamBytes: settings.searchStreamBytes,
      delayMs: settings.searchDelayMs,
    }),
  );
  const listening = await app.listen({ host: settings.host, port: settings.port });
  url = listening.url;

  const running = stack.move();
  return {
    listening,
    firstKey,
    async drain() {
      const drained = Promise.all([app.drain(), subscriptions.drain()]);
      // Sessions first: their readers see the endings before the streams are cut.
      await Promise.all(producers.map((producer) => producer[Symbol.asyncDispose]()));
      hub.drain();
      socket.drain();
      await drained;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

async function openLog(settings: Settings, clock: Clock): Promise<EventLog> {
  const retention = {
    maxAge: settings.retentionAgeMs,
    maxBytes: settings.retentionStreamBytes,
  };
  if (settings.log === 'memory')
    return createMemoryLog({ clock, retention, maxBytes: settings.retentionTotalBytes });
  const durable = await openSqliteLog({
    folder: settings.data,
    sync: settings.sync,
    clock,
    retention,
    totalBytes: settings.retentionTotalBytes,
    ...(settings.capacity === undefined ? {} : { capacity: settings.capacity }),
  });
  return tieredLog(durable, createMemoryLog({ clock, durability: 'volatile', proof: false }));
}

function reachable({
  allowPrivateNetworks,
  allowedNetworks,
}: Settings): Pick<GuardParts, 'allowPrivate' | 'allowed'> {
  return { allowPrivate: allowPrivateNetworks, allowed: networkList(allowedNetworks) };
}

function openRecords(settings: Settings): Records {
  return settings.log === 'memory' ? memoryRecords() : sqliteRecords(join(settings.data, 'records.db'));
}

function httpSettings(settings: Settings): Parameters<typeof createHttpApp>[0]['settings'] {
  const { publicUrl, ...rest } = settings;
  return publicUrl === undefined ? rest : { ...rest, publicUrl };
}

function durableSettings({ longPollMs, sseLifetimeMs, streamCache }: Settings) {
  return { longPollMs, sseLifetimeMs, cache: streamCache };
}

function socketSettings(settings: Settings): SocketSettings {
  const { heartbeatMs, paceMs, socketSubscriptions, bodyLimit } = settings;
  return { heartbeatMs, paceMs, subscriptions: socketSubscriptions, messageBytes: bodyLimit };
}

/** Made once, when something needs it first: a server without sandboxed projects needs no bubblewrap. */
function lazySandbox({ settings, clock, logger }: ServerParts, launcher: Launcher): LazySandbox {
  let made: ReturnType<LazySandbox> | undefined;
  async function make(): Promise<Launcher | string> {
    const projects = projectsFolder(settings);
    await mkdir(projects, { recursive: true });
    return createSandboxLauncher({
      ...{ launcher, clock, logger, projects, data: settings.data },
      settings: {
        network: settings.sandboxNetwork,
        memoryBytes: settings.sandboxMemoryBytes,
        processes: settings.sandboxProcesses,
        fileBytes: settings.sandboxFileBytes,
        paths: settings.sandboxPaths,
        cgroup: settings.sandboxCgroup,
      },
    });
  }
  return () => (made ??= make());
}

type LazySandbox = () => Promise<Launcher | string>;

function projectsFolder({ projects, data }: Settings): string {
  return projects ?? join(data, 'projects');
}

function chatSettings(settings: Settings): ChatSettings {
  return {
    maxRunning: settings.chatMaxRunning,
    promptBytes: settings.chatPromptLimit,
    answerBytes: settings.chatAnswerLimit,
    timeLimitMs: settings.chatTimeLimitMs,
    noticeMs: settings.commandNoticeMs,
    stallMs: settings.chatStallMs,
    firstMs: settings.chatFirstMs,
    gapMs: settings.chatGapMs,
    heartbeatMs: settings.heartbeatMs,
    uncommittedBytes: COMMAND_DEFAULTS.uncommittedBytes,
    retryMs: settings.commandRetryMs,
    storagePatienceMs: settings.storagePatienceMs,
  };
}

function commandSettings(
  settings: Settings,
  environment: ServerParts['environment'],
  sandbox: LazySandbox,
): CommandSettings {
  const { shell, agent } = settings;
  const [program, ...first] = agent;
  return {
    ...COMMAND_DEFAULTS,
    projectsFolder: projectsFolder(settings),
    environment,
    ...(shell === undefined ? {} : { shell }),
    ...(program === undefined ? {} : { agent: [program, ...first] as const }),
    confinement: {
      launcher: settings.launcher === 'sandbox' ? 'sandbox' : 'direct',
      network: settings.sandboxNetwork,
      async problem() {
        const found = await sandbox();
        return typeof found === 'string' ? found : undefined;
      },
    },
    timeLimitMs: settings.commandTimeLimitMs,
    maxTimeLimitMs: settings.commandMaxTimeLimitMs,
    noticeMs: settings.commandNoticeMs,
    outputBytes: settings.commandOutputLimit,
    maxRunning: settings.commandMaxRunning,
    graceMs: settings.commandGraceMs,
    lingerMs: settings.commandLingerMs,
    retryMs: settings.commandRetryMs,
    storagePatienceMs: settings.storagePatienceMs,
    openForMs: settings.commandOpenMs,
  };
}

function browserSettings(settings: Settings, environment: ServerParts['environment']): BrowserSettings {
  return {
    ...BROWSER_DEFAULTS,
    program: settings.browser,
    path: environment['PATH'] ?? '',
    sandbox: settings.browserSandbox,
    folder: join(settings.data, 'browsers'),
    cache: join(settings.data, 'browser'),
    warm: settings.browserWarm,
    warmIdleMs: settings.browserWarmIdleMs,
    startMs: settings.browserStartMs,
    hangMs: settings.browserHangMs,
    pageBytes: settings.browserPageMemory,
  };
}

function computerSettings(settings: Settings): ComputerSettings {
  return {
    ...COMPUTER_DEFAULTS,
    folder: join(settings.data, 'computers'),
    // No project has such a name.
    workspaces: join(projectsFolder(settings), '~computers'),
    maxRunning: settings.computerMaxRunning,
    maxPerTenant: settings.computerMaxPerTenant,
    idleMs: settings.computerIdleMs,
    lifetimeMs: settings.computerLifetimeMs,
    maxLifetimeMs: settings.computerMaxLifetimeMs,
    noticeMs: settings.computerNoticeMs,
    actionMs: settings.computerActionMs,
    shell: { ...COMPUTER_DEFAULTS.shell, outputBytes: settings.computerExecLimit },
    pictureMs: settings.computerPictureMs,
    pictureBytes: settings.computerPictureLimit,
    downloadBytes: settings.computerDownloadLimit,
    downloadsBytes: settings.computerDownloadTotalLimit,
    maxContexts: settings.computerMaxContexts,
    watchingRenews: settings.computerWatchingRenews,
    retryMs: settings.commandRetryMs,
    storagePatienceMs: settings.storagePatienceMs,
  };
}
