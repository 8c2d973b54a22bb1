import { createHash } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { PlayheadError } from '@playhead/protocol';
import type { Collection, Records } from '../../records/records.ts';
import { isComputerId } from './computer-id.ts';

/**
 * Browser profiles that outlive their computers, by names that callers choose (`context_id`) or by the id of the
 * computer that made one (`persistent`). A profile belongs to one tenant and is open in one computer at a time: two
 * browsers would destroy it.
 */
export interface Contexts {
  /**
   * Takes a profile until it is disposed; one that is not there yet is made. Throws `conflict` if it is taken,
   * `not-found` if it names another computer that kept none, `overloaded` if the tenant has as many as it may.
   */
  take(tenant: string, id: string, computer: string): Promise<TakenContext>;
  /** Removes those that no computer has and that were last used before a time, ms since 1970. */
  forget(usedBefore: number): Promise<void>;
}

export interface TakenContext extends Disposable {
  readonly id: string;
  /** Absolute; exists. */
  readonly folder: string;
}

export interface ContextParts {
  /** Absolute. Belongs to the profiles alone. */
  readonly folder: string;
  readonly records: Records;
  readonly now: () => number;
  /** Of one tenant. */
  readonly most: number;
}

interface ContextRecord {
  readonly tenant: string;
  readonly id: string;
  /** ms since 1970. */
  readonly usedAt: number;
}

export function createContexts({ folder, records, now, most }: ContextParts): Contexts {
  const contexts: Collection<ContextRecord> = records.collection('computer-contexts');
  const taken = new Set<string>();

  async function ensure(tenant: string, id: string, computer: string): Promise<string> {
    const place = `${tenant}/${id}`;
    if ((await contexts.get(place)) === undefined) {
      if (isComputerId(id) && id !== computer) {
        throw new PlayheadError(
          'not-found',
          'context_id: there is no computer of that id that kept a profile',
        );
      }
      if ((await contexts.list({ prefix: `${tenant}/`, limit: most })).length >= most) {
        throw new PlayheadError('overloaded', `There are at most ${most} profiles: use one that is there.`);
      }
    }
    await contexts.put(place, { tenant, id, usedAt: now() });
    const path = pathOf(folder, tenant, id);
    await mkdir(path, { recursive: true, mode: 0o700 });
    return path;
  }

  return {
    async take(tenant, id, computer) {
      const place = `${tenant}/${id}`;
      if (taken.has(place)) {
        throw new PlayheadError(
          'conflict',
          'context_id: another computer has that profile open: terminate it first',
          { extensions: { field: 'context_id' } },
        );
      }
      taken.add(place);
      try {
        const path = await ensure(tenant, id, computer);
        return { id, folder: path, [Symbol.dispose]: () => void taken.delete(place) };
      } catch (error) {
        taken.delete(place);
        throw error;
      }
    },
    async forget(usedBefore) {
      for (const { id: place, value } of await contexts.list()) {
        if (value.usedAt >= usedBefore || taken.has(place)) continue;
        await contexts.delete(place);
        await rm(pathOf(folder, value.tenant, value.id), { recursive: true, force: true });
      }
    },
  };
}

/** A name from outside never becomes a path. */
function pathOf(folder: string, tenant: string, id: string): string {
  return join(folder, createHash('sha256').update(`${tenant}/${id}`).digest('hex'));
}
