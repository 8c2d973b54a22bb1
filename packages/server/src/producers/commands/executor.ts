import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { PlayheadError } from '@playhead/protocol';
import { z } from 'zod';
import {
  type Launcher,
  LaunchFailure,
  type LaunchSpec,
  type ProcessIdentity,
  type RunningProcess,
} from '../../launcher/launcher.ts';
import type { Collection, Records } from '../../records/records.ts';
import type { Clock } from '../../runtime/clock.ts';
import type { Logger } from '../../runtime/logger.ts';
import { pipeClosed } from '../../runtime/pipe-closed.ts';
import type { ExecuteRequest, Execution, ExecutionEnd, Executor, OutputName } from '../executor.ts';
import { confinementOf } from './confinement.ts';
import { environmentOf } from './environment.ts';
import { findProgram } from './find-program.ts';
import { createPipeFlow } from './pipe-flow.ts';
import type { CommandSettings } from './settings.ts';
import type { Slots } from './slots.ts';
import { terminateOn } from './terminate-on.ts';
import { workingFolder } from './working-folder.ts';

/** Commands without a stream: whoever asks for one takes its output. */
export interface CommandExecutor extends Executor {
  /** Ends what a crash left behind. */
  settle(): Promise<void>;
  /** Ends what runs; resolves when it is gone. Nothing is started afterwards. */
  close(): Promise<void>;
}

export interface ExecutorParts {
  readonly launcher: Launcher;
  readonly records: Records;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly settings: CommandSettings;
  /** Shared with commands that have a stream: the bound holds for all. */
  readonly slots: Slots;
  readonly shell: () => string;
}

const identitySchema = z.object({ pid: z.int().positive(), started: z.string().nullable() });

export function createExecutor(parts: ExecutorParts): CommandExecutor {
  const { launcher, clock, logger, settings } = parts;
  /** What runs, so that the next start can end what this one could not. */
  const left: Collection<ProcessIdentity> = parts.records.collection('executions');
  const closing = new AbortController();
  const running = new Set<Promise<ExecutionEnd>>();

  async function execute(request: ExecuteRequest): Promise<Execution> {
    if (closing.signal.aborted) throw new PlayheadError('draining', 'The server is going away. Try again.');
    using stack = new DisposableStack();
    const slot = parts.slots.take();
    if (slot === undefined) {
      throw new PlayheadError(
        'overloaded',
        `${settings.maxRunning} commands run already. Stop one, or wait.`,
      );
    }
    stack.use(slot);
    const child = await start(await specOf(request, parts), launcher);
    const kept = stack.move();
    const ended = supervise(child, request, closing.signal).finally(() => kept.dispose());
    running.add(ended);
    void ended.finally(() => running.delete(ended)).catch(() => undefined);
    return { ended };
  }

  async function supervise(
    child: RunningProcess,
    request: ExecuteRequest,
    closed: AbortSignal,
  ): Promise<ExecutionEnd> {
    const id = randomUUID();
    const expiring = new AbortController();
    using stack = new DisposableStack();
    stack.use(clock.after(request.timeLimitMs, () => expiring.abort()));
    const stopping = AbortSignal.any([request.signal, closed, expiring.signal]);
    stack.use(terminateOn(stopping, child, clock, settings.graceMs));
    const flow = createPipeFlow([child.stdout, child.stderr], () => request.room(), clock);
    const read = (pipe: Readable, from: OutputName): Promise<void> => {
      pipe.on('data', (bytes: Buffer) => {
        request.output(from, bytes);
        flow.check();
      });
      // A pipe that breaks ends early; 'close' follows.
      pipe.once('error', () => undefined);
      return pipeClosed(pipe);
    };
    const pipes = Promise.all([read(child.stdout, 'stdout'), read(child.stderr, 'stderr')]).then(
      () => undefined,
    );
    await record(() => left.put(id, child.identity));
    const exit = await child.exited;
    const asked = stopping.aborted;
    if (!(await flow.endedWithin(pipes, settings.lingerMs))) {
      child.signal('SIGKILL');
      // Who left the group cannot be killed with it, and may hold the pipes for ever.
      if (!(await flow.endedWithin(pipes, settings.lingerMs))) flow.cut();
      await pipes;
    }
    child.signal('SIGKILL');
    await record(() => left.delete(id));
    if (asked) return { kind: expiring.signal.aborted ? 'expired' : 'stopped' };
    return exit;
  }

  // That it cannot be recorded is no reason not to run it: it then only outlives a crash.
  async function record(write: () => Promise<unknown>): Promise<void> {
    try {
      await write();
    } catch (error) {
      logger.error({ error }, 'a process could not be recorded');
    }
  }

  return {
    execute,
    async settle() {
      for (const { id, value } of await left.list()) {
        const reaped = await launcher.reap(identitySchema.parse(value));
        if (reaped === 'unproven') logger.warn({ pid: value.pid }, 'a process may be a command left behind');
        await left.delete(id);
      }
    },
    async close() {
      closing.abort();
      await Promise.allSettled(running);
    },
  };
}

async function specOf(request: ExecuteRequest, parts: ExecutorParts): Promise<LaunchSpec> {
  const { tenant, root, command } = request;
  const confinement = confinementOf(parts.settings.confinement, tenant, { root });
  const folder = await workingFolder(root, request.cwd);
  const env = environmentOf(parts.settings, request.env);
  const shell = parts.shell();
  const found = await findProgram(shell, env);
  if (found === undefined) {
    throw new PlayheadError('conflict', `The program ${shell}, which runs this, is not installed.`);
  }
  // The sandbox finds it by itself, among what there is inside.
  const program = confinement.sandboxed ? shell : found;
  return { argv: [program, '-c', command], cwd: folder.path, env, confinement };
}

async function start(spec: LaunchSpec, launcher: Launcher): Promise<RunningProcess> {
  try {
    return await launcher.launch(spec);
  } catch (error) {
    if (!(error instanceof LaunchFailure)) throw error;
    throw new PlayheadError('conflict', error.message, { cause: error });
  }
}
