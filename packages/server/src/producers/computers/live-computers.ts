import { PlayheadError } from '@playhead/protocol';
import type { Computer } from './computer.ts';

/** The computers that run, and the places for them. */
export interface LiveComputers {
  /** Takes a place until it is disposed. Throws `rate-limited` if the tenant has as many as it may, `overloaded` if all have. */
  reserve(tenant: string): Disposable;
  add(computer: Computer): void;
  remove(computer: Computer): void;
  get(tenant: string, id: string): Computer | undefined;
  /** The newest first. */
  of(tenant: string): readonly Computer[];
  all(): readonly Computer[];
  /** Resolves when no place is taken. */
  empty(): Promise<void>;
}

export interface LiveLimits {
  readonly maxRunning: number;
  readonly maxPerTenant: number;
}

export function createLiveComputers(limits: LiveLimits): LiveComputers {
  const computers = new Map<string, Computer>();
  const places = new Map<string, number>();
  let taken = 0;
  let waiting: (() => void)[] = [];

  function release(tenant: string): void {
    const left = (places.get(tenant) ?? 1) - 1;
    if (left === 0) places.delete(tenant);
    else places.set(tenant, left);
    taken--;
    if (taken > 0) return;
    for (const resolve of waiting) resolve();
    waiting = [];
  }

  return {
    reserve(tenant) {
      const own = places.get(tenant) ?? 0;
      if (own >= limits.maxPerTenant) {
        throw new PlayheadError(
          'rate-limited',
          `There are ${own} computers, as many as there may be: terminate one.`,
        );
      }
      if (taken >= limits.maxRunning) {
        throw new PlayheadError('overloaded', 'As many computers run as this server may have. Try later.');
      }
      places.set(tenant, own + 1);
      taken++;
      let over = false;
      return {
        [Symbol.dispose]() {
          if (!over) release(tenant);
          over = true;
        },
      };
    },
    add(computer) {
      computers.set(keyOf(computer.record.tenant, computer.record.id), computer);
    },
    remove({ record }) {
      computers.delete(keyOf(record.tenant, record.id));
    },
    get: (tenant, id) => computers.get(keyOf(tenant, id)),
    of: (tenant) => [...computers.values()].filter(({ record }) => record.tenant === tenant).reverse(),
    all: () => [...computers.values()],
    empty: () => (taken === 0 ? Promise.resolve() : new Promise((resolve) => waiting.push(resolve))),
  };
}

function keyOf(tenant: string, id: string): string {
  return `${tenant}/${id}`;
}
