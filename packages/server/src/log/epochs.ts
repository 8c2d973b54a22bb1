import { randomInt } from 'node:crypto';
import { type Epoch, formatEpoch } from '@playhead/protocol';

/**
 * A source of epochs: each is greater than every one before it, also where the clock stands still or goes back,
 * and random enough that two machines never make the same. `last` is the newest one made by an earlier process.
 */
export function epochs(now: () => number, last: Epoch = ''): () => Epoch {
  let newest = last;
  let time = 0;
  let random = 0;
  return () => {
    const at = Math.max(now(), 0);
    if (at > time) {
      time = at;
      random = randomInt(2 ** 29);
    } else random += 1;
    let epoch = formatEpoch(time, random);
    while (epoch <= newest) {
      // Only after the clock went back: continue behind the newest one, not at the present time.
      time = timeOf(newest) + 1;
      epoch = formatEpoch(time, random);
    }
    newest = epoch;
    return epoch;
  };
}

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

function timeOf(epoch: Epoch): number {
  let time = 0;
  for (const character of epoch.slice(0, 10)) time = time * 32 + ALPHABET.indexOf(character);
  return time;
}
