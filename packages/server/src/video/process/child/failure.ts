import type { VideoFailure } from '../../video.ts';

/** Why a source does not open, or cannot go on. `message` is a sentence for people, without addresses or credentials. */
export class SourceFailure extends Error {
  override readonly name = 'SourceFailure';
  readonly reason: VideoFailure;

  constructor(reason: VideoFailure, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** An FFmpeg error tag of four bytes, as a number. */
function tag(a: string | number, b: string, c: string, d: string): number {
  const first = typeof a === 'number' ? a : a.charCodeAt(0);
  return -(first | (b.charCodeAt(0) << 8) | (c.charCodeAt(0) << 16) | (d.charCodeAt(0) << 24));
}

export const END_OF_FILE: number = tag('E', 'O', 'F', ' ');
const INVALID_DATA = tag('I', 'N', 'D', 'A');

/** By what FFmpeg answers; numbers below 200 are those of Linux. */
const REASONS: ReadonlyMap<number, readonly [VideoFailure, string]> = new Map<
  number,
  readonly [VideoFailure, string]
>([
  [tag(0xf8, '4', '0', '1'), ['unauthorized', 'It asks for a user and password, or does not accept these.']],
  [tag(0xf8, '4', '0', '3'), ['forbidden', 'It was refused.']],
  [tag(0xf8, '4', '0', '4'), ['not-found', 'There is nothing at this address.']],
  [tag(0xf8, '4', '0', '0'), ['unreachable', 'It does not understand the request.']],
  [tag(0xf8, '4', '2', '9'), ['unreachable', 'It has too many requests.']],
  [tag(0xf8, '4', 'X', 'X'), ['unreachable', 'It answers with an error of the 400s.']],
  [tag(0xf8, '5', 'X', 'X'), ['unreachable', 'It answers with an error of the 500s.']],
  [tag(0xf8, 'S', 'T', 'R'), ['no-video', 'There is no video in it.']],
  [tag(0xf8, 'D', 'E', 'M'), ['no-video', 'It is of no kind of video that is read here.']],
  [tag(0xf8, 'D', 'E', 'C'), ['no-video', 'Its video has a codec that is not read here.']],
  [tag(0xf8, 'P', 'R', 'O'), ['forbidden', 'It leads to a kind of address that is not opened.']],
  [INVALID_DATA, ['no-video', 'What is there is no video.']],
  [END_OF_FILE, ['no-video', 'It ended before any video came.']],
  [-2, ['not-found', 'There is no such file or device.']],
  [-6, ['not-found', 'There is no such device.']],
  [-19, ['not-found', 'There is no such device.']],
  [-13, ['forbidden', 'It may not be read.']],
  [-1, ['forbidden', 'It may not be read.']],
  [-16, ['unreachable', 'It is in use.']],
  [-25, ['no-video', 'That is no device of video.']],
  [-21, ['no-video', 'That is a folder.']],
  [-22, ['no-video', 'It cannot be read as video.']],
  [-101, ['unreachable', 'Its network cannot be reached.']],
  [-104, ['unreachable', 'It cut the connection.']],
  [-110, ['timeout', 'It did not answer in time.']],
  [-111, ['unreachable', 'It refuses connections.']],
  [-113, ['unreachable', 'It cannot be reached.']],
]);

/** The failure behind what FFmpeg answered. */
export function failureOf(code: number): SourceFailure {
  const [reason, message] = REASONS.get(code) ?? ['unreachable', `It cannot be read (${code}).`];
  return new SourceFailure(reason, message);
}
