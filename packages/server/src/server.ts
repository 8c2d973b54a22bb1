import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PlayheadError } from '@playhead/protocol';
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
import { browserSettings } from './composition/browser-settings.ts';
import { cameraSettings } from './composition/camera-settings.ts';
import { chatSettings } from './composition/chat-settings.ts';
import { commandSettings } from './composition/command-settings.ts';
import { computerSettings } from './composition/computer-settings.ts';
import { openLog } from './composition/open-log.ts';
import { exportLimits, recordingSettings } from './composition/recording-settings.ts';
import { openRecords } from './composition/open-records.ts';
import { lazySandbox } from './composition/lazy-sandbox.ts';
import { PUBLIC_ONLY, reachable } from './composition/reachable.ts';
import type { Environment } from './composition/environment.ts';
import { listenForCameras } from './composition/listen-for-cameras.ts';
import { durableSettings, httpSettings, socketSettings } from './composition/face-settings.ts';
import { mountConsole } from './console/console-face.ts';
import { createHttpApp, type Listening } from './http/app.ts';
import { createHub } from './hub/create-hub.ts';
import { chooseLauncher } from './launcher/choose-launcher.ts';
import { createDirectLauncher } from './launcher/direct/direct-launcher.ts';
import { createFrames } from './frames/live/create-frames.ts';
import { createRecordings } from './frames/recording/create-recordings.ts';
import { chatTools } from './producers/chats/chat-tools.ts';
import { createChats } from './producers/chats/chats.ts';
import { createAssistant } from './producers/chats/assistant/assistant.ts';
import type { ModelRequest } from './producers/chats/model.ts';
import type { ModelTools } from './producers/chats/model-tool.ts';
import { openModel } from './producers/chats/models/open-model.ts';
import { createGuard } from './outgoing/create-guard.ts';
import { createRequests } from './outgoing/create-requests.ts';
import { createEgress } from './outgoing/proxy/create-egress.ts';
import { createCameras } from './producers/cameras/cameras.ts';
import { createCommands } from './producers/commands/commands.ts';
import { createBrowsers } from './producers/computers/browser/create-browsers.ts';
import { createComputers } from './producers/computers/computers.ts';
import { createContexts } from './producers/contexts/contexts.ts';
import { contextSettings } from './producers/contexts/settings.ts';
import type { Producer } from './producers/producer.ts';
import { createExporter } from './producers/recording-export.ts';
import type { Clock } from './runtime/clock.ts';
import type { Logger } from './runtime/logger.ts';
import type { Settings } from './runtime/settings.ts';
import { createContentGateway } from './streams/durable/content-gateway.ts';
import { mountDurableFace } from './streams/durable/durable-face.ts';
import { type Indexer, startIndexer } from './search/indexer.ts';
import { openSqliteSearch } from './search/sqlite/sqlite-search.ts';
import { createVideo } from './video/process/create-video.ts';
import { VIDEO_DEFAULTS } from './video/process/video-settings.ts';
import { createGateway } from './streams/gateway.ts';
import { mountReadFace } from './streams/read-face.ts';
import { createSubscriptions } from './streams/subscriptions/create-subscriptions.ts';
import { mountWriteFace } from './streams/write-face.ts';
import { createSseTransport } from './transports/sse/sse-transport.ts';
import { createSocketTransport } from './transports/websocket/socket-transport.ts';

export { inspectBrowser } from './producers/computers/browser/inspect-browser.ts';
export { inspectVideo } from './video/process/inspect-video.ts';

export interface ServerParts {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly environment: Environment;
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
  const httpParts = { gate, clock, logger, settings: httpSettings(settings) };
  const app = stack.use(createHttpApp(httpParts));
  const cameraApp = stack.use(createHttpApp(httpParts));
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
  const tools = (request: ModelRequest): ModelTools =>
    chatTools(
      { log, search: index, executor: commands.executor, folder: join(settings.data, 'chats') },
      request,
    );
  const model =
    (await openModel(settings, tools)) ?? createAssistant({ log, search: index, now: () => clock.now() });
  producers.push(stack.use(createChats({ ...context, model, settings: chatSettings(settings) })));
  // Known once it listens; nobody asks before.
  let url = '';
  const late: { indexer?: Indexer } = {};
  const { connectMs, browserConnections: connections, frameLingerMs: lingerMs } = settings;
  const egress = stack.use(createEgress({ guard, clock, logger, connectMs, connections }));
  const frames = stack.use(createFrames({ log, hub, clock, logger, lingerMs }));
  const video = stack.use(
    createVideo({
      ...{ launcher: direct, clock, logger },
      settings: { ...VIDEO_DEFAULTS, path: parts.environment['PATH'] ?? '' },
    }),
  );
  const recordings = stack.use(
    createRecordings({ log, hub, clock, logger, settings: recordingSettings(settings) }),
  );
  const exporter = createExporter({
    ...{ recordings, video, clock, logger, limits: exportLimits(settings) },
  });
  const browsers = stack.use(
    createBrowsers({
      ...{ launcher: direct, clock, logger },
      settings: browserSettings(settings, parts.environment),
    }),
  );
  const computers = createComputers({
    ...{ ...context, egress, frames, recordings, exporter, browsers },
    executor: commands.executor,
    publicUrl: () => settings.publicUrl ?? url,
    settings: computerSettings(settings),
  });
  producers.push(stack.use(computers));
  const outside = createGuard({ clock, resolveMs: settings.resolveMs, ...PUBLIC_ONLY });
  const others = {
    guard: outside,
    egress: stack.use(createEgress({ guard: outside, clock, logger, connectMs, connections })),
  };
  const cameraPort: { number: number | null } = { number: null };
  const cameras = createCameras({
    ...{ ...context, frames, recordings, exporter, video, settings: cameraSettings(settings) },
    reachable: { admins: { guard, egress }, others, folders: settings.cameraFolders },
    defaultTenant: DEFAULT_TENANT,
    origins: settings.allowedOrigins === '*' ? [] : settings.allowedOrigins,
    port: () => cameraPort.number,
  });
  producers.push(stack.use(cameras));
  const contexts = createContexts({
    ...{ ...context, gate, search: index, settings: contextSettings(settings) },
    sources: producers.flatMap(({ contextSource }) => contextSource ?? []),
    indexed: () => late.indexer?.caughtUp() ?? Promise.resolve(),
  });
  producers.push(stack.use(contexts));
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
  late.indexer = stack.use(
    startIndexer({
      ...{ log, index, clock, logger },
      rules: producers.flatMap(({ searched }) => searched ?? []),
      tenants: async () =>
        new Set([DEFAULT_TENANT, ...keys.list().map(({ tenant }) => tenant), ...(await contexts.tenants())]),
      streamBytes: settings.searchStreamBytes,
      delayMs: settings.searchDelayMs,
    }),
  );
  cameras.mountSockets(socket.faces(cameraApp));
  const listening = await app.listen({ host: settings.host, port: settings.port });
  url = listening.url;
  cameraPort.number = await listenForCameras(cameraApp, settings, logger);

  const running = stack.move();
  return {
    listening,
    firstKey,
    async drain() {
      const drained = Promise.all([app.drain(), cameraApp.drain(), subscriptions.drain()]);
      // Sessions first: their readers see the endings before the streams are cut.
      await Promise.all(producers.map((producer) => producer[Symbol.asyncDispose]()));
      hub.drain();
      socket.drain();
      await drained;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
