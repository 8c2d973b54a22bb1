import { constants } from 'node:os';
import { isStreamName, PlayheadError } from '@playhead/protocol';
import { allows, type Principal } from '../../access/principal.ts';
import type { ProcessTerminal, RunningProcess, TerminalSize } from '../../launcher/launcher.ts';
import type { LogEvent } from '../../log/event-log.ts';
import { type StreamKey, streamKey } from '../../log/stream-key.ts';
import { type Control, type ControlInput, mayAct, step } from '../../sessions/control.ts';
import type { TerminalCaller, Terminals } from '../../transports/terminals.ts';
import { checkInput } from '../check-input.ts';
import { isCommandId } from './command-id.ts';
import type { CommandStore } from './command-store.ts';
import type { Screens } from './screens.ts';
import { controlEvent, resizeEvent } from './terminal-events.ts';
import { terminalSizeSchema } from './terminal-size.ts';

/** The terminals of commands, and the way to the processes that run. */
export interface CommandTerminals extends Terminals {
  /** The process of a command, until it is disposed. Without a terminal it can be signalled all the same. */
  add(key: StreamKey, child: RunningProcess, terminal?: AddedTerminal): Disposable;
}

export interface AddedTerminal {
  readonly size: TerminalSize;
  /** Puts an event into the terminal's stream. */
  readonly mark: (event: LogEvent) => void;
}

interface Live {
  readonly child: RunningProcess;
  readonly terminal: LiveTerminal | undefined;
}

interface LiveTerminal {
  readonly device: ProcessTerminal;
  readonly mark: (event: LogEvent) => void;
  size: TerminalSize;
  control: Control;
}

export interface TerminalParts {
  readonly store: Pick<CommandStore, 'get'>;
  readonly screens: Screens;
}

const NAME = /^commands\/([^/]+)\/pty$/;

/** The stream of a command's terminal. */
export function terminalStream(tenant: string, id: string): StreamKey {
  return streamKey(tenant, `commands/${id}/pty`);
}

export function createTerminals({ store, screens }: TerminalParts): CommandTerminals {
  /** By the stream of the command. */
  const running = new Map<StreamKey, Live>();

  // Without a wait where it runs, so that what one caller asks for stays in order.
  function find({ principal }: TerminalCaller, stream: string): Live | Promise<never> {
    if (!allows(principal, 'projects:execute'))
      throw new PlayheadError('forbidden', 'This needs the scope projects:execute.');
    const id = isStreamName(stream) ? NAME.exec(stream)?.[1] : undefined;
    if (id === undefined || !isCommandId(id)) throw missing();
    return running.get(streamKey(principal.tenant, `commands/${id}`)) ?? refuse(principal, id);
  }

  async function refuse({ tenant }: Principal, id: string): Promise<never> {
    const command = await store.get(tenant, id);
    if (command === undefined) throw missing();
    throw new PlayheadError('conflict', 'The command has ended: nothing reads what is typed.');
  }

  function change(terminal: LiveTerminal, input: ControlInput): void {
    const { control, effect } = step(terminal.control, input);
    if (effect === 'refused') throw notInControl(terminal.control);
    terminal.control = control;
    if (effect === 'changed') terminal.mark(controlEvent(control));
  }

  return {
    add(key, child, added) {
      const device = child.terminal;
      const terminal =
        device === undefined || added === undefined
          ? undefined
          : { device, mark: added.mark, size: added.size, control: null };
      running.set(key, { child, terminal });
      return { [Symbol.dispose]: () => void running.delete(key) };
    },
    async type(caller, stream, bytes) {
      const found = find(caller, stream);
      const terminal = terminalOf(found instanceof Promise ? await found : found);
      requireControl(terminal, caller);
      if (!terminal.device.type(bytes))
        throw new PlayheadError('overloaded', 'The program does not read what was typed before. Try again.');
    },
    async resize(caller, stream, wanted) {
      const size = checkInput(terminalSizeSchema, wanted);
      const found = find(caller, stream);
      const terminal = terminalOf(found instanceof Promise ? await found : found);
      requireControl(terminal, caller);
      if (size.columns === terminal.size.columns && size.rows === terminal.size.rows) return;
      terminal.size = size;
      // Told first: what the program draws because of it then stands behind it.
      terminal.mark(resizeEvent(size));
      terminal.device.resize(size);
    },
    async signal(caller, stream, name) {
      if (!isSignal(name)) {
        throw new PlayheadError('invalid-request', 'name: must be a signal, such as SIGINT', {
          extensions: { field: 'name' },
        });
      }
      const found = find(caller, stream);
      const { child, terminal } = found instanceof Promise ? await found : found;
      if (terminal === undefined) {
        child.signal(name);
        return;
      }
      requireControl(terminal, caller);
      terminal.device.interrupt(name);
    },
    async control(caller, stream, { action, force = false }) {
      const { principal, viewer } = caller;
      if (viewer === null)
        throw new PlayheadError('conflict', 'Control belongs to a connection: open a socket.');
      const found = find(caller, stream);
      const terminal = terminalOf(found instanceof Promise ? await found : found);
      const by = { viewer, key: principal.keyId };
      change(terminal, action === 'take' ? { kind: 'take', by, force } : { kind: 'release', viewer, force });
      return terminal.control;
    },
    async screen(principal, stream) {
      if (!allows(principal, 'streams:read') && !allows(principal, 'projects:read'))
        throw new PlayheadError('forbidden', 'This needs the scope streams:read or projects:read.');
      const id = isStreamName(stream) ? NAME.exec(stream)?.[1] : undefined;
      if (id === undefined || !isCommandId(id)) throw missing();
      return screens.at(terminalStream(principal.tenant, id));
    },
    leave(viewer) {
      for (const { terminal } of running.values()) {
        if (terminal?.control?.viewer === viewer) change(terminal, { kind: 'release', viewer, force: false });
      }
    },
  };
}

function terminalOf({ terminal }: Live): LiveTerminal {
  if (terminal !== undefined) return terminal;
  throw new PlayheadError('conflict', 'The command runs without a terminal: start it with "pty": true.');
}

function requireControl({ control }: LiveTerminal, { viewer }: TerminalCaller): void {
  if (!mayAct(control, viewer)) throw notInControl(control);
}

function isSignal(name: string): name is NodeJS.Signals {
  return Object.hasOwn(constants.signals, name);
}

function notInControl(controller: Control): PlayheadError {
  return new PlayheadError('not-in-control', 'Somebody else has control of this terminal.', {
    extensions: { controller },
  });
}

function missing(): PlayheadError {
  return new PlayheadError('stream-not-found', 'There is no such terminal.');
}
