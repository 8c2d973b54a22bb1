import type { Clock } from '../../runtime/clock.ts';
import type { Computer } from './computer.ts';

/** Somebody watches, and that counts as use: the computer does not become idle until it is disposed. */
export function watching(computer: Computer, clock: Clock): Disposable {
  computer.renew();
  return clock.every(Math.max(10, computer.record.idleMs / 3), () => computer.renew());
}
