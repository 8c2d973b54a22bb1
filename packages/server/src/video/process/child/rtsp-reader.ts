import { SourceFailure } from './failure.ts';

export interface RtspReaderParts {
  /** Of the camera: packets go to it and come from it, whatever it says. */
  readonly address: string;
  readonly forward: (bytes: Uint8Array) => void;
  /** Called once; nothing is forwarded after it. */
  readonly fail: (failure: SourceFailure) => void;
}

const HEAD_MAX = 64 * 1024;
const BODY_MAX = 1024 * 1024;
/** `$`: a packet of media between two messages. */
const MEDIA = 0x24;

/**
 * Reads what a camera says over RTSP, as it comes, and forwards it message by message: packets of media as they are,
 * heads of messages written anew. Fails on a redirect, and on what is no RTSP.
 */
export function createRtspReader({ address, forward, fail }: RtspReaderParts): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0);
  let over = false;

  function refuse(failure: SourceFailure): -1 {
    over = true;
    fail(failure);
    return -1;
  }

  /** Length of the message at `at`, which was forwarded if it is no media; 0: not all of it is there. */
  function message(bytes: Buffer, at: number): number {
    const end = headEnd(bytes, at);
    if (end === undefined) return bytes.length - at > HEAD_MAX ? refuse(NO_RTSP) : 0;
    const lines = bytes
      .toString('latin1', at, end)
      .split(/\r?\n/)
      .filter((line) => line !== '');
    const [first = '', ...headers] = lines;
    const status = /^RTSP\/1\.0 (\d{3})( [^\r]*)?$/.exec(first);
    if (status === null && !/^[A-Z_]+ \S+ RTSP\/1\.0$/.test(first)) return refuse(NO_RTSP);
    if (status?.[1]?.startsWith('3') === true) return refuse(REDIRECT);
    const said = headers.map((line) => /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\0]*)$/.exec(line));
    if (said.includes(null)) return refuse(NO_RTSP);
    const length = Number(said.find((header) => header?.[1]?.toLowerCase() === 'content-length')?.[2] ?? 0);
    if (
      said.some((header) => header?.[1]?.toLowerCase() === 'transport' && /multicast/i.test(header[2] ?? ''))
    )
      return refuse(MULTICAST);
    if (!Number.isInteger(length) || length < 0 || length > BODY_MAX) return refuse(NO_RTSP);
    if (bytes.length < end + length) return 0;
    const anew = said.map((header) => {
      const [, key = '', value = ''] = header ?? [];
      return `${key}: ${key.toLowerCase() === 'transport' ? fromAddress(value, address) : value}\r\n`;
    });
    forward(Buffer.from(`${first}\r\n${anew.join('')}\r\n`, 'latin1'));
    if (length > 0) forward(bytes.subarray(end, end + length));
    return end + length - at;
  }

  return (chunk) => {
    if (over) return;
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    /** From here on there is media that was not forwarded yet. */
    let media = 0;
    const flush = (): void => {
      if (at > media) forward(bytes.subarray(media, at));
    };
    while (at < bytes.length) {
      if (bytes[at] === MEDIA) {
        if (bytes.length < at + 4) break;
        const length = 4 + bytes.readUInt16BE(at + 2);
        if (bytes.length < at + length) break;
        at += length;
        continue;
      }
      flush();
      media = at;
      const length = message(bytes, at);
      if (length < 0) return;
      if (length === 0) break;
      at += length;
      media = at;
    }
    flush();
    // A copy: what is left of a chunk must not keep all of it.
    rest = Buffer.from(bytes.subarray(at));
  };
}

const NO_RTSP = new SourceFailure('no-video', 'What answers there does not speak RTSP.');
const MULTICAST = new SourceFailure('forbidden', 'It sends to a group of addresses, which is not followed.');
const REDIRECT = new SourceFailure('forbidden', 'It redirects elsewhere, which is not followed.');

/** Where the head ends that begins at `at`: behind its empty line. */
function headEnd(bytes: Buffer, at: number): number | undefined {
  for (let line = at; ; ) {
    const end = bytes.indexOf(0x0a, line);
    if (end < 0) return undefined;
    const empty = end === line || (end === line + 1 && bytes[line] === 0x0d);
    // Empty lines before a message are none of it.
    if (empty && line > at) return end + 1;
    line = end + 1;
  }
}

/** FFmpeg sends to the address that stands here. */
function fromAddress(transport: string, address: string): string {
  const parts = transport.split(';').filter((part) => !/^\s*(source|destination)\s*=/i.test(part));
  return parts.some((part) => /interleaved/i.test(part))
    ? parts.join(';')
    : [...parts, `source=${address}`].join(';');
}
