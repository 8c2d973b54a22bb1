import { checkRecordId } from '../record-id.ts';
import type { Collection, RecordQuery, Records } from '../records.ts';

/** Records that end with the process: for tests, and for servers that are to leave nothing behind. */
export function memoryRecords(): Records {
  const collections = new Map<string, Map<string, string>>();
  return {
    collection<T>(name: string): Collection<T> {
      let values = collections.get(name);
      if (values === undefined) {
        values = new Map();
        collections.set(name, values);
      }
      return collection<T>(values);
    },
    async [Symbol.asyncDispose]() {
      collections.clear();
    },
  };
}

// Values are kept as JSON: what a caller does to an object later must not reach what is stored, as on a disk.
function collection<T>(values: Map<string, string>): Collection<T> {
  return {
    async get(id) {
      const json = values.get(id);
      return json === undefined ? undefined : (JSON.parse(json) as T);
    },
    async put(id, value) {
      checkRecordId(id);
      values.set(id, JSON.stringify(value));
    },
    async add(id, value) {
      checkRecordId(id);
      if (values.has(id)) return false;
      values.set(id, JSON.stringify(value));
      return true;
    },
    async delete(id) {
      return values.delete(id);
    },
    async list({ prefix = '', after = '', limit = Number.POSITIVE_INFINITY }: RecordQuery = {}) {
      return [...values.keys()]
        .filter((id) => id.startsWith(prefix) && id > after)
        .sort((a, b) => (a < b ? -1 : 1))
        .slice(0, limit)
        .map((id) => ({ id, value: JSON.parse(values.get(id) ?? 'null') as T }));
    },
  };
}
