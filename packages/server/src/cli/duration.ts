import { usageFailure } from './failure.ts';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };

/** A duration in ms: `90s`, `10m`, `12h`, `30d`, `2w`, `500ms`. */
export function durationMs(text: string, flag: string): number {
  const [, digits = '', unit = ''] = /^(\d{1,12})(ms|[smhdw])$/.exec(text) ?? [];
  if (digits !== '') return Number(digits) * (UNITS[unit] ?? 0);
  throw usageFailure(`${flag} is a duration such as 90s, 10m, 12h or 30d, not ${text}.`);
}
