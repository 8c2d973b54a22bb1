import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { familyTicks } from './process-status.ts';

/** How much of the machine others may use for a measurement to count, in cores. */
const LIMIT = 0.15;
/** How long a whole run may spend on waiting and on measuring again, ms. Then it takes what it gets. */
let patience = 300_000;
const ATTEMPTS = 3;
const SAMPLE = 400;
const TICKS_A_SECOND = 100;

let disturbed = 0;

/** From now on nothing is waited for and nothing measured again: for a look while others are at work. */
export function acceptNoise(): void {
  patience = 0;
}

/** How many measurements had to be kept although others used more of the machine than they may. */
export function disturbedMeasurements(): number {
  return disturbed;
}

/** Measures when nobody else uses the machine: waits for quiet, and measures again what others disturbed. */
export async function whenQuiet<T>(measure: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    await waitForQuiet();
    const before = foreignTicks();
    const began = performance.now();
    const result = await measure();
    const load = cores(foreignTicks() - before, performance.now() - began);
    if (load <= LIMIT) return result;
    if (attempt === ATTEMPTS || patience <= 0) {
      disturbed++;
      return result;
    }
    patience -= performance.now() - began;
  }
}

async function waitForQuiet(): Promise<void> {
  while (patience > 0) {
    const before = foreignTicks();
    await delay(SAMPLE);
    if (cores(foreignTicks() - before, SAMPLE) <= LIMIT) return;
    patience -= SAMPLE;
  }
}

/**
 * Ticks of CPU time since boot that neither this process nor anything it started has used. Interrupts are left
 * out: the packets of a measurement on loopback are counted there.
 */
function foreignTicks(): number {
  const fields = (readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '').split(/ +/).map(Number);
  const [, user = 0, nice = 0, system = 0, , , , , steal = 0] = fields;
  return user + nice + system + steal - familyTicks(process.pid);
}

function cores(ticks: number, milliseconds: number): number {
  return ticks / TICKS_A_SECOND / (milliseconds / 1000);
}
