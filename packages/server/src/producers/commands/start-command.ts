import { PlayheadError } from '@playhead/protocol';
import type { TerminalSize } from '../../launcher/launcher.ts';
import { type StreamKey, streamKey } from '../../log/stream-key.ts';
import { openSession, type Session, type SessionParts } from '../../sessions/session.ts';
import { lastEvents, withoutExit } from './command-ending.ts';
import { isChosenId, newCommandId } from './command-id.ts';
import type { CommandRecord, CommandStore } from './command-store.ts';
import { confinementOf } from './confinement.ts';
import { environmentOf } from './environment.ts';
import { type CommandType, type Complete, expiringEvent, startedEvent } from './events.ts';
import { findProgram } from './find-program.ts';
import type { Project } from './projects.ts';
import { type RunParts, runCommand } from './run-command.ts';
import type { Slots } from './slots.ts';
import { resizeEvent } from './terminal-events.ts';
import { terminalStream } from './terminals.ts';
import { workingFolder } from './working-folder.ts';

export const KIND = 'commands';
/** Of the sessions of terminals, which are a command's second stream. */
export const TERMINAL_KIND = 'terminals';

export interface StartParts extends RunParts {
  readonly sessions: SessionParts;
  readonly store: CommandStore;
  readonly slots: Slots;
  /** Whether the server is going away. */
  readonly draining: () => boolean;
}

/** What is asked for, whichever path it came by. */
export interface CommandRequest {
  readonly tenant: string;
  readonly project: Project;
  readonly type: CommandType;
  /** As it is shown. */
  readonly command: string;
  readonly argv: readonly [string, ...string[]];
  /** Chosen by the caller. */
  readonly streamId?: string | undefined;
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly timeLimitMs?: number | undefined;
  readonly session?: string | undefined;
  readonly terminal?: TerminalSize | undefined;
}

/** The stream of a command. */
export function commandStream(tenant: string, id: string): StreamKey {
  return streamKey(tenant, `${KIND}/${id}`);
}

/**
 * Starts a command; resolves as soon as its process runs. Throws `invalid-request` or `conflict` for what is wrong
 * before anything was made: the folder, the program, the id, the limit. What goes wrong afterwards is told by the
 * stream, because the caller has its id by then.
 */
export async function startCommand(parts: StartParts, request: CommandRequest): Promise<CommandRecord> {
  const { settings, store, clock } = parts;
  const { tenant, project, type, command } = request;
  const timeLimitMs = timeLimitOf(request, parts);
  const id = idOf(request.streamId);
  using stack = new DisposableStack();
  const slot = parts.slots.take();
  if (slot === undefined) {
    throw new PlayheadError('overloaded', `${settings.maxRunning} commands run already. Stop one, or wait.`);
  }
  stack.use(slot);
  const confinement = confinementOf(settings.confinement, tenant, project);
  const folder = await workingFolder(project.root, request.cwd ?? '.');
  const { terminal } = request;
  const kind = terminal === undefined ? {} : { TERM: 'xterm-256color' };
  const env = environmentOf(settings, kind, project.env, request.env ?? {});
  const [program, ...args] = request.argv;
  const found = await findProgram(program, env);
  if (found === undefined) {
    throw new PlayheadError('conflict', `The program ${program}, which runs this, is not installed.`);
  }
  const record: CommandRecord = {
    id,
    tenant,
    project: project.id,
    type,
    command,
    cwd: folder.relative,
    createdAt: clock.now(),
    ...(terminal === undefined ? {} : { pty: true }),
    ...(request.session === undefined ? {} : { session: request.session }),
  };
  if (!(await store.claim(record))) throw taken();
  const session = await open(parts, record, timeLimitMs);
  const ended = (complete: Complete): Promise<void> =>
    store.put({ ...record, ended: { at: clock.now(), complete } });
  const screen =
    terminal === undefined ? undefined : await openScreen(parts, session, record, terminal, ended);
  // From here on the slot is free when the session has ended.
  const kept = stack.move();
  void Promise.all([session.ended, screen?.ended]).then(() => kept.dispose());
  if (parts.draining()) session.stop({ kind: 'stopped', by: 'shutdown' });
  // The sandbox finds it by itself, among what there is inside.
  const file = confinement.sandboxed ? program : found;
  const spec = { argv: [file, ...args] as const, cwd: folder.path, env, confinement };
  await runCommand(parts, session, {
    spec: terminal === undefined ? spec : { ...spec, terminal },
    screen,
    timeLimitMs,
    record: ended,
  });
  return record;
}

async function open(parts: StartParts, record: CommandRecord, timeLimitMs: number): Promise<Session> {
  const { id, tenant, project, type, command, cwd } = record;
  try {
    const session = await openSession(parts.sessions, {
      kind: KIND,
      key: commandStream(tenant, id),
      lease: { idle: null, lifetime: timeLimitMs, notice: parts.settings.noticeMs },
      first: [startedEvent({ project, type, command, cwd })],
      expiring: expiringEvent,
    });
    if (session !== undefined) {
      await keep(parts, record, session);
      return session;
    }
  } catch (error) {
    await parts.store.remove(record);
    throw error;
  }
  await parts.store.remove(record);
  throw taken();
}

/** The second stream of a command in a terminal. The command is over, and this throws, where there is none. */
async function openScreen(
  parts: StartParts,
  session: Session,
  { tenant, id }: CommandRecord,
  size: TerminalSize,
  ended: (complete: Complete) => Promise<void>,
): Promise<Session> {
  let failure: unknown = taken();
  try {
    const screen = await openSession(parts.sessions, {
      kind: TERMINAL_KIND,
      key: terminalStream(tenant, id),
      lease: { idle: null, lifetime: null, notice: 0 },
      contentType: 'application/octet-stream',
      first: [resizeEvent(size)],
      expiring: expiringEvent,
    });
    if (screen !== undefined) return screen;
  } catch (error) {
    failure = error;
  }
  const complete = withoutExit({ kind: 'failed', reason: 'terminal' }, 0);
  await session.end(complete.ending, lastEvents(complete, 'The terminal has no stream.'), () =>
    ended(complete),
  );
  throw failure;
}

// A crash before this leaves a stream that is settled as lost, and an id that belongs to nothing.
async function keep(parts: StartParts, record: CommandRecord, session: Session): Promise<void> {
  try {
    await parts.store.put(record);
  } catch (error) {
    const complete = withoutExit({ kind: 'failed', reason: 'records' }, 0);
    const last = lastEvents(complete, 'The command could not be recorded.');
    await session.end(complete.ending, last, () => Promise.resolve());
    throw error;
  }
}

function timeLimitOf({ project, timeLimitMs }: CommandRequest, { settings }: StartParts): number {
  const most = project.timeLimitMs ?? settings.maxTimeLimitMs;
  if (timeLimitMs !== undefined && timeLimitMs > most) {
    throw new PlayheadError('invalid-request', `timeout_seconds: must be at most ${most / 1000}`, {
      extensions: { field: 'timeout_seconds' },
    });
  }
  return timeLimitMs ?? Math.min(most, project.timeLimitMs ?? settings.timeLimitMs);
}

function idOf(chosen: string | undefined): string {
  if (chosen === undefined) return newCommandId();
  if (isChosenId(chosen)) return chosen;
  throw new PlayheadError(
    'invalid-request',
    'stream_id: must be 1 to 128 of A-Z a-z 0-9 . _ ~ - and must not begin with a dot, a ~ or cmd_',
    { extensions: { field: 'stream_id' } },
  );
}

function taken(): PlayheadError {
  return new PlayheadError('conflict', 'stream_id: there is a stream of that id already', {
    extensions: { field: 'stream_id' },
  });
}
