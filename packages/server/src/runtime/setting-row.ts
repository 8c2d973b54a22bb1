import type { z } from 'zod';

/** One setting. Its names follow from its key: `heartbeatMs`, `PLAYHEAD_HEARTBEAT_MS`, `--heartbeat-ms`. */
export interface SettingRow<T> {
  readonly schema: z.ZodType<T>;
  readonly default: T;
  /** One line for `--help`. */
  readonly meaning: string;
  /** Other names in the environment. */
  readonly aliases?: readonly string[];
  /** Not taken as a flag, which every process on the machine can read, nor shown. */
  readonly secret?: true;
}

/** A row for each member of a part of the settings. */
export type RowsOf<Part> = { readonly [K in keyof Part]: SettingRow<Part[K]> };

export function row<T>(schema: z.ZodType<T>, value: T, meaning: string): SettingRow<T> {
  return { schema, default: value, meaning };
}
