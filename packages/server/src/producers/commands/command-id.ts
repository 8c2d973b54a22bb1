import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const OWN = /^cmd_[0-9a-hjkmnp-tv-z]{32}$/;
const CHOSEN = /^[A-Za-z0-9_-][A-Za-z0-9._~-]{0,127}$/;

/**
 * A new id: `cmd_` and 160 random bits in characters that no URL escapes. Whoever knows it may read the stream
 * (D-18), so it is as secret as a key until an hour after the command's end.
 */
export function newCommandId(): string {
  let id = 'cmd_';
  // 32 letters: five bits of each byte are used, so every letter is equally likely.
  for (const byte of randomBytes(32)) id += ALPHABET[byte % 32];
  return id;
}

/** Whether the server made this id: only such an id opens a stream by itself. */
export function isOwnId(id: string): boolean {
  return OWN.test(id);
}

/** Whether a caller may choose this id: 1 to 128 of `A-Z a-z 0-9 . _ ~ -`, not like one of ours. */
export function isChosenId(id: string): boolean {
  return CHOSEN.test(id) && !id.startsWith('cmd_');
}

/** Whether an id may be looked up at all. */
export function isCommandId(id: string): boolean {
  return isOwnId(id) || isChosenId(id);
}
