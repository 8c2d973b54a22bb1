import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { PlayheadError, PROBLEMS, toProblem } from './problem.ts';

const rows = Object.entries(PROBLEMS);
const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
const headings = [...page.matchAll(/^## `([^`]+)`$/gm)].map(([, code = '']) => code);

describe('the table of problems', () => {
  test('docs/errors.md has one heading for every code, and no other', () => {
    expect([...headings].sort()).toEqual(rows.map(([code]) => code).sort());
  });

  test.each(rows)('docs/errors.md states the row of %s', (code, row) => {
    const section = page.split(`## \`${code}\``)[1]?.split('\n## ')[0] ?? '';
    expect(section).toContain(`HTTP ${row.status}`);
    expect(section).toContain(`WebSocket ${row.close}`);
    expect(section).toContain(row.retry ? 'retry: yes' : 'retry: no');
    expect(section).toContain(row.title);
  });

  test('P-82 close codes are unique', () => {
    const codes = rows.map(([, row]) => row.close);
    expect(new Set(codes).size).toBe(codes.length);
  });

  test.each(rows)('P-82 the close code of %s says whether to reconnect', (_, row) => {
    const registered = new Map([
      [1009, false],
      [1011, true],
      [1012, true],
      [1013, true],
    ]);
    if (row.close < 4000) expect(registered.get(row.close)).toBe(row.retry);
    else expect(row.close <= 4499).toBe(row.retry);
    expect(row.close).toBeLessThanOrEqual(4999);
  });

  test.each(rows)('%s has an HTTP status of its class', (_, row) => {
    expect(row.status).toBeGreaterThanOrEqual(400);
    expect(row.status).toBeLessThanOrEqual(599);
    // Nothing that a repetition cannot mend is called retryable, except a limit that time lifts.
    if (row.retry && row.status < 500) expect([408, 429]).toContain(row.status);
  });
});

describe('problem documents', () => {
  test('P-81 holds type, code, title, status and detail, and the extensions', () => {
    const error = new PlayheadError('position-lost', 'Read from the earliest position.', {
      extensions: { earliest: 'x' },
    });
    expect(toProblem(error)).toEqual({
      type: 'urn:playhead:error:position-lost',
      code: 'position-lost',
      title: 'The position is no longer retained',
      status: 410,
      detail: 'Read from the earliest position.',
      earliest: 'x',
    });
  });

  test('P-81 an extension never replaces a member of the document', () => {
    const error = new PlayheadError('forbidden', 'No.', {
      extensions: { status: 200, code: 'fine', detail: 'Yes.' },
    });
    expect(toProblem(error)).toMatchObject({ status: 403, code: 'forbidden', detail: 'No.' });
  });

  test('the cause is kept for logs and never shown', () => {
    const error = new PlayheadError('internal', 'The server failed.', { cause: new Error('secret') });
    expect(error.cause).toBeInstanceOf(Error);
    expect(JSON.stringify(toProblem(error))).not.toContain('secret');
  });
});
