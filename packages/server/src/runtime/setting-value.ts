import { z } from 'zod';

/**
 * Readers of setting values: each takes text, as the environment and flags give it, and the JSON value that a
 * file gives.
 */

export function integer(min: number, max: number): z.ZodType<number> {
  const text = z
    .string()
    .regex(/^\s*\d+\s*$/, 'must be a whole number')
    .transform(Number);
  return z.union([z.number(), text], 'must be a whole number').pipe(z.number().int().min(min).max(max));
}

/** Milliseconds. */
export function duration(min: number, max: number = 10 * 365 * 86_400_000): z.ZodType<number> {
  return integer(min, max);
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};

/** Bytes: a number of them, or with `KiB`, `MiB`, `GiB`, `TiB`. */
export function size(min: number): z.ZodType<number> {
  const text = z.string().transform((value, context) => {
    const [, digits, unit = ''] = /^\s*(\d+)\s*([KMGT]iB)?\s*$/.exec(value) ?? [];
    if (digits === undefined) context.addIssue('must be bytes, or such as 64MiB');
    return Number(digits) * (UNITS[unit] ?? 1);
  });
  return z
    .union([z.number(), text], 'must be bytes, or such as 64MiB')
    .pipe(z.number().int().min(min).max(Number.MAX_SAFE_INTEGER));
}

/** `1`, `true`, `yes`, `on` and their opposites. A flag without a value is `true`. */
export function yesOrNo(): z.ZodType<boolean> {
  const words: Readonly<Record<string, boolean>> = {
    '1': true,
    true: true,
    yes: true,
    on: true,
    '0': false,
    false: false,
    no: false,
    off: false,
  };
  const text = z.string().transform((value, context) => {
    const meant = words[value.trim().toLowerCase()];
    if (meant === undefined) context.addIssue('must be 1 or 0');
    return meant ?? false;
  });
  return z.union([z.boolean(), text], 'must be 1 or 0');
}

/** Items parted by commas, each as `item` reads it. */
export function list<T extends string = string>(item: z.ZodType<T, string>): z.ZodType<readonly T[]> {
  const text = z.string().transform((value) =>
    value
      .split(',')
      .map((each) => each.trim())
      .filter((each) => each !== ''),
  );
  return z.union([z.array(z.string()), text], 'must be a list parted by commas').pipe(z.array(item));
}

/** One of some words. */
export function word<const W extends string>(...words: readonly [W, ...W[]]): z.ZodType<W> {
  return z.enum(words, `must be one of ${words.join(', ')}`);
}

/** An origin as browsers send it: scheme, host and port, and nothing behind. */
export function origin(): z.ZodType<string, string> {
  return z.string().refine((text) => {
    const url = URL.parse(text);
    return url !== null && /^https?:$/.test(url.protocol) && url.origin === text;
  }, 'must be an origin such as https://app.example.org');
}

/** An http or https URL without query or fragment; a slash at its end is dropped. */
export function httpUrl(): z.ZodType<string> {
  return z
    .string()
    .refine((text) => {
      const url = URL.parse(text);
      return url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '';
    }, 'must be an http or https URL without a query')
    .transform((text) => text.replace(/\/+$/, ''));
}
