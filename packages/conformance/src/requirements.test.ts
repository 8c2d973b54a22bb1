import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { UNTESTED } from './untested.ts';

const read = (path: string): string => readFileSync(new URL(path, import.meta.url), 'utf8');

/** What PROTOCOL.md requires. */
const required = new Set(
  [...read('../../../PROTOCOL.md').matchAll(/^- \*\*(P-\d+)\*\*/gm)].map(([, id]) => id),
);

const titles = readdirSync(new URL('chapters/', import.meta.url)).flatMap((file) =>
  [...read(`chapters/${file}`).matchAll(/\btest(?:\.each\([^)]*\))?\(\s*(['"`])(.*?)\1,/gs)].map(
    ([, , title = '']) => ({ file, title }),
  ),
);

/** The ids that a title begins with. */
const idsOf = (title: string): string[] => /^(?:P-\d+ )+/.exec(title)?.[0].trim().split(' ') ?? [];

test('every title begins with the id of a requirement that there is', () => {
  expect(titles.length).toBeGreaterThan(80);
  const strangers = titles.filter(({ title }) => {
    const ids = idsOf(title);
    return ids.length === 0 || ids.some((id) => !required.has(id));
  });
  expect(strangers).toEqual([]);
});

test('every requirement has a test, or a reason why it has none', () => {
  const tested = new Set(titles.flatMap(({ title }) => idsOf(title)));
  const missing = [...required].filter((id) => id !== undefined && !tested.has(id) && !(id in UNTESTED));
  expect(missing).toEqual([]);
  const both = Object.keys(UNTESTED).filter((id) => tested.has(id) || !required.has(id));
  expect(both).toEqual([]);
});
