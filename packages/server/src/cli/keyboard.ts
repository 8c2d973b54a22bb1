import type { Problem } from '@playhead/protocol';

export interface KeyboardOptions {
  readonly stdin: NodeJS.ReadStream;
  /** Something that was typed did not reach the program, or may not have. */
  readonly lost: (why: string) => void;
  /** Ctrl-C was typed while there is no connection. */
  readonly left: () => void;
}

/** What is typed here, on its way to the program: in order, and each byte at most once. */
export interface Keyboard extends Disposable {
  /** There is a connection that takes what was typed. */
  attach(send: (bytes: Buffer) => void): void;
  /** It is gone. What was not answered may or may not have been typed: it is not sent again. */
  detach(): void;
  /** The answer to the last `send`; undefined if it was typed. */
  answered(problem: Problem | undefined): void;
}

const CTRL_C = 3;
const CTRL_D = 4;
/** Bytes of one message. */
const PIECE = 32 * 1024;
/** Bytes that wait before stdin is read no further. */
const WAITING = 256 * 1024;
/** How long to wait where the program does not read, ms. */
const AGAIN_MS = 200;

/**
 * One piece is under way at a time, so what the program does not read holds stdin back, and a piece that was refused
 * because there was no room is sent again in its place.
 */
export function createKeyboard({ stdin, lost, left }: KeyboardOptions): Keyboard {
  let waiting: Buffer = Buffer.alloc(0);
  let underWay: Buffer | undefined;
  let send: ((bytes: Buffer) => void) | undefined;
  let again: NodeJS.Timeout | undefined;
  // A terminal takes Ctrl-D for the end only at the beginning of a line; elsewhere the first one only ends the line.
  let lineBegun = false;

  function pump(): void {
    if (send === undefined || underWay !== undefined || waiting.length === 0) return;
    underWay = waiting.subarray(0, PIECE);
    waiting = waiting.subarray(PIECE);
    if (waiting.length < WAITING) stdin.resume();
    send(underWay);
  }

  const typed = (bytes: Buffer): void => {
    // Nobody else would hear it, and the program does not hear it now.
    if (send === undefined && stdin.isTTY && bytes.includes(CTRL_C)) return left();
    lineBegun = bytes.at(-1) !== 0x0a && bytes.at(-1) !== 0x0d;
    waiting = Buffer.concat([waiting, bytes]);
    if (waiting.length >= WAITING) stdin.pause();
    pump();
  };
  const ended = (): void => {
    waiting = Buffer.concat([waiting, Buffer.from(lineBegun ? [CTRL_D, CTRL_D] : [CTRL_D])]);
    pump();
  };
  // A terminal that was closed fails; that comes as a signal as well.
  const failed = (): void => void stdin.pause();
  stdin.on('data', typed);
  stdin.on('end', ended);
  stdin.on('error', failed);

  return {
    attach(to) {
      send = to;
      pump();
    },
    detach() {
      clearTimeout(again);
      if (underWay !== undefined) lost('the connection broke while it was sent');
      underWay = undefined;
      send = undefined;
    },
    answered(problem) {
      if (underWay === undefined) return;
      if (problem?.code === 'overloaded') {
        again = setTimeout(() => underWay !== undefined && send?.(underWay), AGAIN_MS);
        return;
      }
      underWay = undefined;
      // One that has ended reads no more, as a program at the end of a pipe that has ended.
      if (problem !== undefined && problem.code !== 'conflict') lost(problem.detail);
      pump();
    },
    [Symbol.dispose]() {
      clearTimeout(again);
      send = undefined;
      stdin.off('data', typed);
      stdin.off('end', ended);
      stdin.pause();
    },
  };
}
