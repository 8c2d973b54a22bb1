/** JSON from outside, after parsing. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** Deeper than any page, and far from where printing it would exhaust the stack. */
const MAX_DEPTH = 32;

/** Whether a value is nested at most so deep. Parsing accepts any depth, printing does not. */
export function isShallow(value: unknown, depth: number = MAX_DEPTH): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth === 0) return false;
  return Object.values(value).every((each) => isShallow(each, depth - 1));
}

/** The object with every key in it replaced, however deep. It keeps its order. */
export function mapKeys(value: JsonObject, map: (key: string) => string): JsonObject {
  const inside = (each: Json): Json =>
    isList(each) ? each.map(inside) : isObject(each) ? mapKeys(each, map) : each;
  // `fromEntries` defines members: an assignment to `__proto__` would do something else.
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [map(key), inside(each)]));
}

/** All texts in a value, in order, without keys. */
export function* textsIn(value: Json | undefined): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (isList(value)) for (const each of value) yield* textsIn(each);
  else if (isObject(value)) for (const each of Object.values(value)) yield* textsIn(each);
}

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isList(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}
