import { PROBLEMS, type Problem, type ServerMessage } from '@playhead/protocol';
import { type BinaryEvent, binaryEvent } from './binary-event.ts';
import type { Client } from './client.ts';
import { EXIT } from './exit-code.ts';
import { Failure } from './failure.ts';
import type { Keyboard } from './keyboard.ts';

export interface ConnectionOptions {
  readonly client: Client;
  /** `commands/{id}/pty`. */
  readonly stream: string;
  /** Where to begin: `start`, or behind a position. */
  readonly after: string;
  readonly signal: AbortSignal;
  readonly keyboard: Keyboard;
  /** Who had control over the connection before this one, if it was ours. */
  readonly viewer: string | undefined;
  readonly size: () => { readonly columns: number; readonly rows: number };
  /** Called once it is open, and with who has control over it. */
  opened(): void;
  controls(viewer: string): void;
}

export type TerminalItem =
  | BinaryEvent
  | { readonly position: string; readonly type: string; readonly data: unknown }
  | { readonly missed: number | null };

/** How often the connection is tried, ms: one on which two tries in a row bring nothing is dead. */
const TRY_MS = 15_000;

/**
 * What a terminal shows, over one socket, until that ends or breaks: both mean the same to a reader that can resume.
 * While it is open it types, tells the size, and has control. Returns true if nothing will follow on any other.
 * Throws a Failure for what no further attempt can mend.
 */
export async function* terminalConnection(options: ConnectionOptions): AsyncGenerator<TerminalItem, boolean> {
  const { client, stream, after, signal, keyboard } = options;
  const socket = client.socket('/v1/socket');
  socket.binaryType = 'arraybuffer';
  const items: TerminalItem[] = [];
  let over: 'broken' | 'finished' | Failure | undefined;
  let wake = Promise.withResolvers<void>();
  let heard = true;
  const tell = (message: unknown): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  };
  const end = (how: typeof over): void => {
    over ??= how;
    wake.resolve();
  };
  const resize = (): void => tell({ type: 'resize', id: 'size', stream, ...options.size() });
  const broken = (): void => end('broken');
  // Not before it is known who has control: what comes earlier would be refused, and be lost.
  const begin = (): void => {
    resize();
    keyboard.attach((bytes) =>
      tell({ type: 'input', id: 'input', stream, data: bytes.toString('base64'), encoding: 'base64' }),
    );
  };

  function problem(id: string | undefined, about: Problem): void {
    switch (id) {
      case 'input':
        keyboard.answered(about);
        return;
      case 'control':
        // A connection of ours that broke may not have been noticed by the server. Anybody else keeps it.
        if (options.viewer !== undefined && holder(about) === options.viewer)
          tell({ type: 'control', id, stream, action: 'take', force: true });
        else begin();
        return;
      case 'subscribe':
        end(PROBLEMS[about.code].retry ? 'broken' : new Failure(EXIT.failed, about.detail));
        return;
      // A size that is refused (somebody else has control) changes nothing here.
      default:
    }
  }

  function take(message: ServerMessage): void {
    switch (message.type) {
      case 'receipt':
        if (message.gap) items.push({ missed: message.missed });
        break;
      case 'events':
        items.push(...message.events);
        break;
      case 'accepted':
        if (message.id === 'input') keyboard.answered(undefined);
        break;
      case 'control':
        if (message.mine && message.controller !== null) options.controls(message.controller.viewer);
        begin();
        break;
      case 'end':
        if (message.reason === 'deleted') end(new Failure(EXIT.failed, 'The stream was deleted.'));
        else end(message.reason === 'finished' ? 'finished' : 'broken');
        break;
      case 'problem':
        problem(message.id, message.problem);
        break;
      default:
    }
  }

  socket.addEventListener('open', () => {
    options.opened();
    tell({ type: 'subscribe', id: 'subscribe', stream, after });
    tell({ type: 'control', id: 'control', stream, action: 'take' });
  });
  socket.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    heard = true;
    try {
      if (data instanceof ArrayBuffer) items.push(binaryEvent(data));
      else take(JSON.parse(String(data)) as ServerMessage);
    } catch (error) {
      end(new Failure(EXIT.failed, `The server is not understood: ${String(error)}`));
    }
    wake.resolve();
  });
  socket.addEventListener('error', broken);
  socket.addEventListener('close', ({ code, reason }) =>
    end(code >= 4500 && code <= 4999 ? new Failure(EXIT.failed, reason) : 'broken'),
  );
  signal.addEventListener('abort', broken);
  process.stdout.on('resize', resize);
  // Ending what is not there is answered and changes nothing.
  const watchdog = setInterval(() => {
    if (!heard) broken();
    heard = false;
    tell({ type: 'unsubscribe', id: 'alive', stream: stream.replace(/\/pty$/, '') });
  }, TRY_MS);

  try {
    for (;;) {
      // What had come before the end is shown before it.
      yield* items.splice(0);
      if (items.length > 0) continue;
      if (over instanceof Failure) throw over;
      if (over !== undefined) return over === 'finished';
      await wake.promise;
      wake = Promise.withResolvers();
    }
  } finally {
    clearInterval(watchdog);
    signal.removeEventListener('abort', broken);
    process.stdout.off('resize', resize);
    // After an end nobody asks what became of what was typed behind it.
    if (over === 'broken' && !signal.aborted) keyboard.detach();
    socket.close();
  }
}

function holder(about: Problem): unknown {
  const { controller } = about;
  return typeof controller === 'object' && controller !== null && 'viewer' in controller
    ? controller.viewer
    : undefined;
}
