import { usageFailure } from './failure.ts';

/** `--env NAME=VALUE`, as the member `env` of a body. */
export function environmentFlag(pairs: readonly string[]): { env?: Readonly<Record<string, string>> } {
  if (pairs.length === 0) return {};
  const env = pairs.map((pair) => {
    const equals = pair.indexOf('=');
    if (equals < 1) throw usageFailure(`--env is NAME=VALUE, not ${pair}.`);
    return [pair.slice(0, equals), pair.slice(equals + 1)] as const;
  });
  return { env: Object.fromEntries(env) };
}
