import { writeSync } from 'node:fs';
import type { Duplex } from 'node:stream';

/** What is private of Node here: a socket's handle, and the number of its descriptor. */
interface WithHandle {
  readonly _handle?: { readonly fd?: unknown; readonly constructor: { readonly name: string } } | null;
}

/** The stream layer's bytes go to the kernel as they are. Those of TLS (`TLSWrap`) do not. */
const PLAIN = new Set(['TCP', 'Pipe']);

/**
 * Writes to a socket as `socket.write` does, for less: a fan-out is one small write for each reader, and what the
 * stream layer does around each costs a good part of what the kernel does in it (ADR 0011).
 *
 * While nothing waits in the stream, the kernel is asked first. What it does not take, whyever, goes through
 * `socket.write`, which waits, fails, drains and ends as ever. So the order of bytes is kept, and the answers mean
 * the same. Where the socket has no descriptor to ask with (another transport, another system, another Node), or has
 * let go of it, everything goes through `socket.write`.
 */
export class SocketWriter {
  readonly #socket: Duplex & WithHandle;
  readonly #handle: WithHandle['_handle'];
  /** Valid for as long as the socket has this handle: once it has none, the number may be another file's. */
  readonly #descriptor: number | undefined;

  constructor(socket: Duplex) {
    this.#socket = socket;
    this.#handle = this.#socket._handle;
    this.#descriptor = descriptorOf(this.#handle);
  }

  /** False asks to wait for the socket's `drain`; the bytes are taken in any case. They must not change afterwards. */
  write(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    const descriptor = this.#descriptor;
    if (
      descriptor === undefined ||
      socket._handle !== this.#handle ||
      socket.writableLength > 0 ||
      !socket.writable
    ) {
      return socket.write(bytes);
    }
    const taken = tryWrite(descriptor, bytes);
    if (taken === bytes.length) return true;
    return socket.write(taken === 0 ? bytes : bytes.subarray(taken));
  }
}

function descriptorOf(handle: WithHandle['_handle']): number | undefined {
  if (handle === undefined || handle === null || !PLAIN.has(handle.constructor.name)) return undefined;
  const { fd } = handle;
  return typeof fd === 'number' && fd >= 0 ? fd : undefined;
}

/** How many bytes the kernel took. Why it took none (it is full, the peer is gone) is found out by the next write. */
function tryWrite(descriptor: number, bytes: Uint8Array): number {
  try {
    return writeSync(descriptor, bytes);
  } catch {
    return 0;
  }
}
