import { randomBytes } from 'node:crypto';

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** Every pair of letters. */
const PAIRS: readonly string[] = Array.from(
  { length: 1024 },
  (_, i) => `${ALPHABET[i >> 5] ?? '0'}${ALPHABET[i & 31] ?? '0'}`,
);

let batch = '';
let mask = 0;
let used = PAIRS.length;

/**
 * A fresh request id: `req_` and 20 characters. Unique, not secret: 90 random bits are drawn once for 1,024 ids,
 * which differ in their last two characters, because drawing them all for each costs more than routing does.
 */
export function requestId(): string {
  if (used === PAIRS.length) renew();
  return batch + (PAIRS[used++ ^ mask] ?? '00');
}

function renew(): void {
  const [first = 0, second = 0, ...rest] = randomBytes(20);
  batch = `req_${rest.map((byte) => ALPHABET[byte & 31] ?? '0').join('')}`;
  mask = ((first << 8) | second) & 1023;
  used = 0;
}
