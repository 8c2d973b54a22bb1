import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PlayheadError } from '@playhead/protocol';
import type { Hub } from '../../hub/hub.ts';
import type { Principal } from '../../access/principal.ts';
import type { Frames } from '../../frames/frames.ts';
import type { Recording, Recordings, RecordingWish } from '../../frames/recordings.ts';
import type { Egress } from '../../outgoing/egress.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import type { Ending } from '../../sessions/ending.ts';
import { openSession, type Session, type SessionParts, shortened } from '../../sessions/session.ts';
import type { Browser, BrowserEnding, BrowserOpened, Browsers } from './browser.ts';
import type { BrowserEvent } from './browser-event.ts';
import { type Computer, createComputer } from './computer.ts';
import { endingOf, lastEvents } from './computer-ending.ts';
import { newComputerId } from './computer-id.ts';
import { type ComputerRecord, type ComputerStore, computerStream, KIND } from './computer-store.ts';
import type { Contexts } from './contexts.ts';
import type { ComputerWish } from './create-input.ts';
import { createEventOutlet, type EventOutlet } from './event-outlet.ts';
import { logEvent } from './events.ts';
import { type Film, openFilm } from './film.ts';
import type { LiveComputers } from './live-computers.ts';
import { pageEvents } from './page-event.ts';
import type { ComputerSettings } from './settings.ts';
import { openWay, type Way } from './way.ts';

export interface CreateParts {
  readonly sessions: SessionParts;
  readonly hub: Pick<Hub, 'demand'>;
  readonly store: ComputerStore;
  readonly contexts: Contexts;
  readonly live: LiveComputers;
  readonly browsers: Browsers;
  /** Null: browsers reach the network without a guard. */
  readonly egress: Egress | null;
  readonly frames: Frames;
  readonly recordings: Recordings;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: ComputerSettings;
  /** Whether the server is going away. */
  readonly draining: () => boolean;
}

/** The folder that callers know as `/workspace`. */
export function workspaceOf(settings: ComputerSettings, id: string): string {
  return join(settings.workspaces, id);
}

/**
 * Makes a computer; resolves when its browser takes actions. Throws `rate-limited`, `overloaded`, `conflict`,
 * `not-found`, `not-served` (there is no browser on this machine), `internal`. Whatever fails, nothing is left behind
 * but, once there was a stream, its ending.
 */
export async function startComputer(
  parts: CreateParts,
  { tenant, userId, networks }: Pick<Principal, 'tenant' | 'userId' | 'networks'>,
  wish: ComputerWish,
): Promise<Computer> {
  if (parts.draining()) throw new PlayheadError('draining', 'The server is going away. Try again.');
  const { settings, clock } = parts;
  const id = newComputerId();
  await using held = new AsyncDisposableStack();
  held.use(parts.live.reserve(tenant));
  const wanted = wish.context === 'own' ? { id } : wish.context;
  const context = wanted === null ? null : held.use(await parts.contexts.take(tenant, wanted.id, id));
  const { idleMs, idleEnabled, lifetimeMs } = wish;
  const record: ComputerRecord = {
    id,
    tenant,
    user: userId,
    createdAt: clock.now(),
    ...{ idleMs, idleEnabled, lifetimeMs },
    context: context?.id ?? null,
  };
  const folder = workspaceOf(settings, id);
  held.defer(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }));
  await mkdir(join(folder, 'downloads'), { recursive: true, mode: 0o700 });
  const session = await open(parts, record);
  const events = createEventOutlet(id, session.outlet, clock);
  const profile = context?.folder ?? null;
  const launched = await launch(parts, { record, wish, networks, session, events, folder, profile });
  if (launched.kind !== 'opened') {
    const cause = session.cause ?? { kind: 'failed', reason: 'browser-failed' };
    await end(parts, record, session, events, cause);
    throw failure(launched);
  }
  const { browser, way, film } = launched;
  if (way !== null) held.use(way);
  held.use(film);
  const { promise: gone, resolve: left } = Promise.withResolvers<void>();
  const computer = createComputer({
    ...{ record, session, browser, folder, events, film, clock, gone },
    way: way?.pass ?? null,
    hub: parts.hub,
    recordings: parts.recordings,
    maxActions: settings.maxActions,
    watchingRenews: settings.watchingRenews,
  });
  held.use(computer.viewers);
  held.use(computer.spectators);
  const { recording } = computer;
  held.use(recording);
  held.defer(() => recording.finish());
  computer.renew();
  events.begin({ type: 'session_state', status: 'ready' });
  parts.live.add(computer);
  void supervise(parts, computer, held.move()).finally(left);
  if (parts.draining()) session.stop({ kind: 'stopped', by: 'shutdown' });
  // Whoever is told of it finds it in the stream, also after a crash.
  await session.outlet.settled();
  if (wish.recording !== null) await startRecording(recording, wish.recording, session);
  return computer;
}

async function open(parts: CreateParts, record: ComputerRecord): Promise<Session> {
  const { id, tenant, idleMs, idleEnabled, lifetimeMs } = record;
  const { clock, settings } = parts;
  // One that may be idle for less than that would be told of its end by every use of it.
  const notice = idleEnabled ? Math.min(settings.noticeMs, idleMs / 2) : settings.noticeMs;
  await parts.store.put(record);
  try {
    const session = await openSession(parts.sessions, {
      kind: KIND,
      key: computerStream(tenant, id),
      lease: { idle: idleEnabled ? idleMs : null, lifetime: lifetimeMs, notice },
      first: [],
      expiring: (at) =>
        logEvent(id, { type: 'expiring', expires_at: new Date(at).toISOString() }, clock.now()),
    });
    if (session !== undefined) return session;
  } catch (error) {
    await parts.store.remove(record);
    throw error;
  }
  throw new PlayheadError('internal', 'There is a stream of that id already.');
}

// Who wants a computer that is recorded wants none that is not.
async function startRecording(recording: Recording, wish: RecordingWish, session: Session): Promise<void> {
  try {
    await recording.on(wish);
  } catch (error) {
    session.stop({ kind: 'failed', reason: 'recording' });
    throw error;
  }
}

interface Launch {
  readonly record: ComputerRecord;
  readonly wish: ComputerWish;
  readonly networks: readonly string[] | undefined;
  readonly session: Session;
  readonly events: EventOutlet;
  readonly folder: string;
  readonly profile: string | null;
}

type Launched =
  | { readonly kind: 'opened'; readonly browser: Browser; readonly way: Way | null; readonly film: Film }
  | Exclude<BrowserOpened, { kind: 'opened' }>;

async function launch(
  parts: CreateParts,
  { record, wish, networks, session, events, folder, profile }: Launch,
): Promise<Launched> {
  const { settings, logger, frames } = parts;
  let film: Film | undefined;
  // Nobody can use a computer that is not there yet, so meanwhile it does not become idle.
  using _starting = parts.clock.every(Math.max(10, record.idleMs / 3), () => session.renew());
  await using held = new AsyncDisposableStack();
  try {
    const way = parts.egress === null ? null : held.use(await openWay(parts.egress, parts.clock, networks));
    const opened = await parts.browsers.open({
      profile,
      viewport: wish.viewport,
      proxy: way?.proxy ?? null,
      downloads: {
        folder: join(folder, 'downloads'),
        maxBytes: settings.downloadBytes,
        totalBytes: settings.downloadsBytes,
      },
      tell(event: BrowserEvent) {
        events.tellOfPage(...pageEvents(event, folder));
        if (event.type.startsWith('tab-')) film?.look();
      },
      signal: session.signal,
    });
    if (opened.kind !== 'opened') return opened;
    held.use(opened.browser);
    // Whoever is told that it runs may rely on it: from here on a crash leaves no process behind.
    await session.leaves(opened.browser.remains);
    const { browser } = opened;
    const { tenant, id } = record;
    film = held.use(await openFilm({ frames, browser, tenant, id, size: wish.picture, logger }));
    // What happened meanwhile it has not heard of.
    film.look();
    held.move();
    return { kind: 'opened', browser, way, film };
  } catch (error) {
    logger.error({ stream: shortened(session.key), error }, 'a computer could not be started');
    return { kind: 'failed', detail: 'The browser could not be started.' };
  }
}

function failure(launched: Exclude<BrowserOpened, { kind: 'opened' }>): PlayheadError {
  return new PlayheadError(launched.kind === 'no-browser' ? 'not-served' : 'overloaded', launched.detail);
}

/**
 * Sees a computer to its end, whoever wants it, and leaves nothing of it behind:
 *
 *   asked to end, or the browser ended ─▶ no new actions ─▶ browser gone ─▶ what was under way is answered
 *     ─▶ error?, session_state, close ─▶ way, folder, profile and place are free
 */
async function supervise(parts: CreateParts, computer: Computer, held: AsyncDisposableStack): Promise<void> {
  const { browser, session, record, events } = computer;
  const { promise: asked, resolve } = Promise.withResolvers<void>();
  session.signal.addEventListener('abort', () => resolve(), { once: true });
  if (session.signal.aborted) resolve();
  await Promise.race([browser.ended, asked]);
  const cause = session.cause;
  // Ends what is under way, where the browser ended by itself; the first cause counts.
  session.stop({ kind: 'failed', reason: 'browser-gone' });
  parts.live.remove(computer);
  try {
    await browser[Symbol.asyncDispose]();
  } catch (error) {
    parts.logger.error({ stream: shortened(session.key), error }, 'a browser could not be ended');
  }
  const ended = await browser.ended;
  await computer.quiet();
  await end(parts, record, session, events, endingOf(ended, cause), ended, computer.now.lastActivityAt);
  try {
    await held.disposeAsync();
  } catch (error) {
    parts.logger.warn({ stream: shortened(session.key), error }, 'something of a computer is left behind');
  }
}

async function end(
  parts: CreateParts,
  record: ComputerRecord,
  session: Session,
  events: EventOutlet,
  ending: Ending,
  browser?: BrowserEnding,
  lastActivityAt: number = record.createdAt,
): Promise<void> {
  events.close();
  const at = parts.clock.now();
  const last = lastEvents(ending, browser).map((event) => logEvent(record.id, event, at));
  await session.end(ending, last, () =>
    parts.store.put({ ...record, ended: { at, lastActivityAt, ending } }),
  );
}
