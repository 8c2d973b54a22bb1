const UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** Ten years, in seconds. */
const LONGEST = 10 * 365 * 86_400;

/** A duration in seconds: a number of them, or `90s`, `45m`, `12h`, `30d`, `2w`. Undefined if it is none. */
export function parseDuration(value: string | number): number | undefined {
  let seconds: number;
  if (typeof value === 'number') seconds = value;
  else {
    const [, digits, unit = 's'] = /^([0-9]{1,12})([smhdw]?)$/.exec(value.trim()) ?? [];
    if (digits === undefined) return undefined;
    seconds = Number(digits) * (UNITS[unit === '' ? 's' : unit] ?? 1);
  }
  return Number.isInteger(seconds) && seconds > 0 && seconds <= LONGEST ? seconds : undefined;
}
