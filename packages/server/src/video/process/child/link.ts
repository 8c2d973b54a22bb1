import { Socket } from 'node:net';
import { encodeHead, type Framed, messageReader } from '../message-frames.ts';
import type { Message } from '../messages.ts';

/** The pipes to the server. */
export interface Link {
  /** One write, whatever its size; the bytes are not touched until they are gone. False: wait for `drained`. */
  tell(message: Message, body?: Uint8Array): boolean;
  drained(): Promise<void>;
  /** Who hears commands from now on, those that came before too. */
  heard(listener: (command: Framed) => void): void;
}

/**
 * Opens them. Where the server is gone there is nothing left to do, and nobody to tell: this process ends on the spot,
 * also while FFmpeg waits for a network in other threads.
 */
export function openLink(): Link {
  const input = new Socket({ fd: 3, readable: true, writable: false });
  const output = new Socket({ fd: 4, readable: false, writable: true });
  const early: Framed[] = [];
  let listener: ((command: Framed) => void) | undefined;
  const read = messageReader((command) => {
    if (listener === undefined) early.push(command);
    else listener(command);
  });
  input.on('data', read).on('error', leave).on('close', leave).on('end', leave);
  output.on('error', leave).on('close', leave);
  return {
    tell(message, body) {
      const head = encodeHead(message, body?.length ?? 0);
      if (body === undefined) return output.write(head);
      output.cork();
      output.write(head);
      const room = output.write(body);
      output.uncork();
      return room;
    },
    drained: () =>
      output.writableNeedDrain ? new Promise((resolve) => output.once('drain', resolve)) : Promise.resolve(),
    heard(other) {
      listener = other;
      for (const command of early.splice(0)) other(command);
    },
  };
}

/** Not `process.exit`: that waits for threads, and they may wait for a camera. */
export function leave(): void {
  process.kill(process.pid, 'SIGKILL');
}
